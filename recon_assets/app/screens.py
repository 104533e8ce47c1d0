"""A screen of one reconciliation: which tables it shows, and what stands behind a row of them."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from recon_assets.app import queries
from recon_assets.app.address import Address
from recon_assets.app.queries import Query, Restriction
from recon_assets.app.reader import Published, Reader
from recon_assets.app.tables import Filter, Row, Table
from recon_assets.catalogue import Subject


@dataclass(frozen=True)
class Context:
    """One look at a screen: what was asked for, at one moment of the log."""

    reader: Reader
    published: Published
    address: Address
    screen: "Screen"

    @property
    def moment(self) -> dt.datetime:
        return self.published.moment

    def rows(self, query: Query) -> list[Row]:
        return self.reader.rows(self.moment, query)

    def months(self) -> tuple[str, str]:
        """First and last month looked at; the newest published one unless the address says."""
        newest = self.published_months()[-1]
        return self.address.months or (newest, newest)

    def span(self) -> str:
        """The months looked at, in words."""
        first, last = self.months()
        return first if first == last else f"{first} to {last}"

    def published_months(self) -> list[str]:
        return self.published.months(self.screen.publication)

    def chosen(self, filter_: Filter) -> tuple[str, ...]:
        """The values of a filter: the address's, else the preferred one that there is."""
        given = self.address.filters.get(filter_.name, ())
        if given or not filter_.prefer or filter_.kind == "view":
            return given or filter_.prefer[:1]
        present = self.choices(filter_)
        return (next((value for value in filter_.prefer if value in present), filter_.prefer[0]),)

    def choices(self, filter_: Filter) -> list[str]:
        """The values that a filter can take in these months."""
        if filter_.name not in self._choices:
            first, last = self.months()
            table = next(table for table in reversed(self.screen.tables) if filter_ in table.filters)
            query = queries.choices(table, filter_, Restriction(first, last))
            self._choices[filter_.name] = [row["value"] for row in self.rows(query)]
        return self._choices[filter_.name]

    @cached_property
    def _choices(self) -> dict[str, list[str]]:
        return {}

    def restriction(self, table: Table) -> Restriction:
        first, last = self.months()
        if self.screen.restrict is not None and (equal := self.screen.restrict(self, table)) is not None:
            return Restriction(first, last, {}, equal)
        return Restriction(first, last, {filter_.name: self.chosen(filter_) for filter_ in table.filters})

    def sort(self, table: Table) -> str:
        return self.address.sorts.get(table.name, table.sort)

    def pinned(self) -> Address:
        """The address with its months and moment written out: it shows the same rows tomorrow."""
        return replace(self.address, months=self.months(), as_of=self.moment.isoformat())

    @cached_property
    def selected(self) -> tuple[Table, Row] | None:
        """The table and row that the address selects; None without one, or when the row is not there."""
        if self.address.row is None:
            return None
        name, key = self.address.row
        table = next(table for table in self.screen.all_tables if table.name == name)
        first, last = self.months()
        found = self.rows(queries.one(table, key, first, last, self.sort(table)))
        return (table, found[0]) if found else None

    def beside(self, table: Table, row: Row, step: int) -> Address | None:
        """The address of the row after (1) or before (-1) the selected one, as the grid is filtered and sorted."""
        restriction = self.restriction(table)
        found = self.rows(queries.neighbour(table, restriction, self.sort(table), row, step))
        return replace(self.address, row=(table.name, found[0]["reconciliation_key"])) if found else None


Details = Callable[[Context, Table, Row], list[Any]]


@dataclass(frozen=True)
class Pairing:
    """A pair that a person can make: its name in words, the row of the register document, and that of the e-invoice.

    Without `other_key` it is the pair of the row, which a person can part.
    """

    text: str
    key: str
    other_key: str | None = None


@dataclass(frozen=True)
class Late:
    """Which rows are late, as SQL, and the filter that shows them."""

    condition: str
    filter: str
    value: str


@dataclass(frozen=True)
class Screen:
    """`tables` share the filters and are always shown; `drill` are shown behind a row, as `restrict` says.

    `below` is what stands under the tables. The last of `tables` is the one whose rows are counted; `verdict` is its
    filter by status. `own` are path, title and lead of a screen that is not its subject's first.
    """

    subject: Subject
    tables: tuple[Table, ...]
    details: Details
    drill: tuple[Table, ...] = ()
    restrict: Callable[[Context, Table], dict[str, Any] | None] | None = None
    below: Callable[[Context], list[Any]] | None = None
    own: tuple[str, str, str] | None = None
    verdict: str = "status"
    is_compared: bool = True  # of one reconciliation; else of all of them
    late: Late | None = None
    more: tuple[str, Details] | None = None  # a title, and details that are read when somebody opens it
    pairings: Callable[[Context, Row], list[Pairing]] | None = None
    why: Callable[[Context, list[Row]], dict[str, str]] | None = None  # what a letter says of rows, by their keys

    @property
    def decided(self) -> Table | None:
        """The table about whose rows people decide."""
        mart = self.subject.decided.mart
        return next((table for table in self.tables if self.is_compared and table.mart == mart), None)

    @property
    def publication(self) -> str | None:
        """The reconciliation whose publications the screen reads; None where it reads those of all."""
        return self.reconciliation if self.is_compared else None

    @property
    def reconciliation(self) -> str:
        return self.subject.name

    @property
    def title(self) -> str:
        return self.own[1] if self.own else self.subject.title

    @property
    def lead(self) -> str:
        return self.own[2] if self.own else self.subject.lead

    @property
    def path(self) -> str:
        return f"/{self.own[0] if self.own else self.reconciliation}"

    @property
    def all_tables(self) -> tuple[Table, ...]:
        return self.tables + self.drill
