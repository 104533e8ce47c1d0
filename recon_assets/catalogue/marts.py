"""What a published table is. Which there are, and their columns, is told by the dbt project (`pipeline.marts`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MartColumn:
    name: str
    sql_type: str
    description: str


@dataclass(frozen=True)
class Mart:
    """A published table. `grain` orders its rows; `status` and `difference` name the columns that changes compare.

    `file_per`: the first column of the grain within a month, of which each value has a file of its own, if any; files
    are sorted one by one, in less memory.
    `is_spread`: each row of a table that a build has is many of it, spread as it is read.
    `is_monthly`: published month by month through the publications log; else replaced whole, beside the log.
    """

    name: str
    description: str
    columns: tuple[MartColumn, ...]
    grain: tuple[str, ...]
    subjects: tuple[str, ...]  # empty: shared by all
    status: str | None = None
    difference: str | None = None
    is_monthly: bool = True
    is_in_order: bool = False  # a build has the rows in the order of the grain
    file_per: str | None = None
    is_spread: bool = False

    @property
    def is_shared(self) -> bool:
        return any(column.name == "reconciliation" for column in self.columns)
