"""What a screen shows of a mart: columns, filters and sums. Declarations only; `queries` makes SQL of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from recon_assets.catalogue import compared_mart
from recon_assets.catalogue.model import ComparedMart
from recon_assets.currencies import decimals

Kind = Literal[
    "text", "month", "date", "count", "money", "amount", "ringgit", "quantity", "percent", "verdict", "status"
]  # fmt: skip
NUMERIC: frozenset[Kind] = frozenset({"count", "money", "amount", "ringgit", "quantity", "percent", "verdict"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a grid. `sql` computes it (default: the mart's column of that name), `order` is what sorting uses.

    `verdict` is a difference beside the row's symbol. `money` and `verdict` have the decimals of the row's currency. A
    column of a `measure` is only shown while that measure is chosen; an optional one when the reader chooses it.
    """

    name: str
    title: str
    kind: Kind = "text"
    width: int = 120
    sql: str | None = None
    order: str | None = None
    measure: str | None = None
    is_optional: bool = False

    @property
    def expression(self) -> str:
        return self.sql or self.name


@dataclass(frozen=True)
class Filter:
    """A restriction that a reader can set, on one column (or SQL expression) of the mart.

    choice: some of the values there are; group: named sets of values, `groups`; text: a part of the value, without
    case; view: one of `groups`, decides what is shown and restricts nothing; changes: rows of which
    reconciliation_changes says so in `column`; below: numbers smaller than the value. `prefer`: exactly one value is
    always chosen, by default the first of these that there is. `is_code`: the values are codes of ours, shown in words;
    any other value is shown as it stands in the files. `is_quiet`: only links set it, so that it has no control until
    it is set. `keeps_unknown`: rows of which nobody knows the value are there whatever is chosen.
    """

    name: str
    title: str
    column: str
    kind: Literal["choice", "group", "text", "view", "changes", "below"] = "choice"
    groups: Mapping[str, tuple[str, ...]] | None = None
    prefer: tuple[str, ...] = ()
    is_code: bool = False
    is_quiet: bool = False
    keeps_unknown: bool = False

    @property
    def is_single(self) -> bool:
        return self.kind in ("text", "view", "below") or bool(self.prefer)


REJECTED = {"has_rejected_records": "has rejected records"}  # a mark of rows
CHANGED = (
    Filter("change", "Changed by the last publication", "change", "changes", is_code=True, is_quiet=True),
    Filter("was", "Status before that", "status_from", "changes", is_code=True, is_quiet=True),
)


@dataclass(frozen=True)
class Table:
    """A grid over one mart. Rows are named by `reconciliation_key`; `sums` are totalled per `currency`.

    The first three sums are left side, right side and `right_minus_left`: the one direction in which all screens show
    differences, whatever sign the mart's own column has (spec/bridge.md, 3). It is null where sides cannot be compared.
    `tooltip` describes a row in words, from its columns and `extra` ones. `label` names a row in one line; it,
    `status` and `difference` (columns, as the catalogue has them) are what an issue keeps of the row. Without
    `right_minus_left` nothing is compared: the sums are counts.
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
    judged: ComparedMart | None = None  # status and difference of a mart that the catalogue does not have them of
    addressees: tuple[str, ...] = ()  # filters whose values are people or firms that can be written to
    marks: Mapping[str, str] = field(default_factory=dict)  # column that is true -> what is said of such a row

    def shown(self, measure: str | None, chosen: tuple[str, ...]) -> list[Column]:
        """The columns to show: those chosen, else the usual ones; the first always is."""
        first, *others = self.columns
        wanted = [c for c in others if (c.name in chosen if chosen else not c.is_optional)]
        return [first, *(c for c in wanted if c.measure in (None, measure))]

    @property
    def status(self) -> str:
        return self._compared.status

    @property
    def difference(self) -> str:
        return self._compared.difference

    @property
    def _compared(self) -> ComparedMart:
        compared = self.judged or compared_mart(self.mart)
        assert compared is not None, f"subjects.yml names no status and difference of {self.mart}"
        return compared

    @property
    def is_compared(self) -> bool:
        return bool(self.right_minus_left)

    def places(self, currency: str | None) -> int:
        """Decimals of the sums in a currency."""
        return decimals(currency) if self.is_compared else 0

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def filter(self, name: str) -> Filter | None:
        return next((filter_ for filter_ in self.filters if filter_.name == name), None)
