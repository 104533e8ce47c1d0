"""What a screen shows of a mart: columns, filters and sums. Declarations only; `queries` makes SQL of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from recon_assets.catalogue import compared_mart
from recon_assets.catalogue.model import ComparedMart

Kind = Literal[
    "text", "month", "date", "count", "money", "amount", "ringgit", "quantity", "percent", "verdict", "status"
]  # fmt: skip
NUMERIC: frozenset[Kind] = frozenset({"count", "money", "amount", "ringgit", "quantity", "percent", "verdict"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a grid. `sql` computes it (default: the mart's column of that name), `order` is what sorting uses.

    `verdict` is a difference beside the row's symbol. `money` and `verdict` have the decimals of the row's currency. A
    column of a `measure` is only shown while that measure is chosen.
    """

    name: str
    title: str
    kind: Kind = "text"
    width: int = 120
    sql: str | None = None
    order: str | None = None
    measure: str | None = None

    @property
    def expression(self) -> str:
        return self.sql or self.name


@dataclass(frozen=True)
class Filter:
    """A restriction that a reader can set, on one column (or SQL expression) of the mart.

    choice: some of the values there are; group: named sets of values, `groups`; text: a part of the value, without
    case; below: a number that the value is less than; view: one of `groups`, decides what is shown and restricts
    nothing. `prefer`: exactly one value is always chosen, by default the first of these that there is. `is_code`: the
    values are codes of ours, shown in words; any other value is shown as it stands in the files.
    """

    name: str
    title: str
    column: str
    kind: Literal["choice", "group", "text", "view", "below"] = "choice"
    groups: Mapping[str, tuple[str, ...]] | None = None
    prefer: tuple[str, ...] = ()
    is_code: bool = False

    @property
    def is_single(self) -> bool:
        return self.kind in ("text", "view", "below") or bool(self.prefer)


@dataclass(frozen=True)
class Table:
    """A grid over one mart. Rows are named by `reconciliation_key`; `sums` are totalled per `currency`.

    The first three sums are left side, right side and `right_minus_left`: the one direction in which all screens show
    differences, whatever sign the mart's own column has (spec/bridge.md, 3). It is null where sides cannot be compared.
    `tooltip` describes a row in words, from its columns and `extra` ones. `label` names a row in one line; it,
    `status` and `difference` (columns, as the catalogue has them) are what an issue keeps of the row.
    """

    name: str
    title: str
    mart: str
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    sort: str
    sums: Mapping[str, str]  # column or SQL -> title
    right_minus_left: str
    label: Callable[[Row], str]
    currency: str = "currency"
    extra: tuple[str, ...] = ()
    tooltip: Callable[[Row], str] | None = None

    @property
    def status(self) -> str:
        return self._compared.status

    @property
    def difference(self) -> str:
        return self._compared.difference

    @property
    def _compared(self) -> ComparedMart:
        compared = compared_mart(self.mart)
        assert compared is not None, f"subjects.yml names no status and difference of {self.mart}"
        return compared

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def filter(self, name: str) -> Filter | None:
        return next((filter_ for filter_ in self.filters if filter_.name == name), None)
