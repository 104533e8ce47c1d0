"""The address of a page as a value: months, filters, sorting, selection and moment. Checked here, at the edge."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from recon_assets.app.tables import Filter, Table
from recon_assets.errors import InputError
from recon_assets.months import parse_months
from recon_assets.query import parse_instant

_LONGEST = 4_000
_VALUE = 200
_VALUES = 100
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")
_KEY = re.compile(r"[0-9a-f]{64}")
_OWN = ("month", "sort", "row", "asof", "cols")
MOST_SORTS = 4


@dataclass(frozen=True)
class Address:
    """What the query of an address says; `months` is first and last, None when the address leaves it open."""

    months: tuple[str, str] | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sorts: Mapping[str, str] = field(default_factory=dict)  # table -> columns with commas between, - before: descending
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # table -> those shown, where not the usual
    row: tuple[str, str] | None = None
    as_of: str | None = None

    @property
    def moment(self) -> dt.datetime | None:
        return parse_instant(self.as_of) if self.as_of else None

    @property
    def shown(self) -> str:
        """The part that decides what a page holds, apart from sorting and selection."""
        return replace(self, sorts={}, row=None).search

    @property
    def search(self) -> str:
        """The query, with its question mark; empty when there is nothing to say."""
        pairs: list[tuple[str, str]] = []
        if self.months:
            first, last = self.months
            pairs.append(("month", first if first == last else f"{first}..{last}"))
        pairs += [(name, value) for name in sorted(self.filters) for value in self.filters[name]]
        pairs += [("sort", f"{table}:{column}") for table, column in sorted(self.sorts.items())]
        pairs += [("cols", f"{table}:{','.join(names)}") for table, names in sorted(self.columns.items())]
        if self.row:
            pairs.append(("row", ":".join(self.row)))
        if self.as_of:
            pairs.append(("asof", self.as_of))
        return f"?{urlencode(pairs, safe=':,')}" if pairs else ""

    def without_filters(self) -> "Address":
        return replace(self, filters={}, row=None)

    def with_filter(self, name: str, values: tuple[str, ...]) -> "Address":
        others = {known: value for known, value in self.filters.items() if known != name}
        return replace(self, filters=others | ({name: values} if values else {}), row=None)


def parse_address(search: str | None, tables: tuple[Table, ...]) -> Address:
    """The address of a page with these tables; InputError says what is wrong with it."""
    text = (search or "").removeprefix("?")
    if len(text) > _LONGEST:
        raise InputError("The address is too long. Remove some of its filters.")
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(text):
        given.setdefault(name, []).append(_bounded(name, value))
    filters = {filter_.name: filter_ for table in tables for filter_ in table.filters}
    for name, values in given.items():
        if name not in filters and name not in _OWN:
            raise InputError(f"'{name[:40]}' is nothing this page can be filtered by.")
        most = _VALUES if name in filters and not filters[name].is_single else max(1, len(tables))
        if len(values) > most:
            raise InputError(f"The address says '{name}' {len(values)} times.")
    as_of = _last(given, "asof")
    if as_of:
        parse_instant(as_of)
    return Address(
        _months(_last(given, "month")),
        {name: _choice(filters[name], tuple(values)) for name, values in given.items() if name in filters},
        dict(_sort(value, tables) for value in given.get("sort", [])),
        dict(_columns(value, tables) for value in given.get("cols", [])),
        _row(_last(given, "row"), tables),
        as_of,
    )


def _last(given: dict[str, list[str]], name: str) -> str | None:
    return given[name][-1] if name in given else None


def _bounded(name: str, value: str) -> str:
    if len(value) > (_VALUE if name != "cols" else 5 * _VALUE) or not value.isprintable():
        raise InputError(f"The value of '{name[:40]}' is longer than {_VALUE} characters or not plain text.")
    return value


def _months(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    months = parse_months(text)
    return months[0], months[-1]


def _choice(filter_: Filter, values: tuple[str, ...]) -> tuple[str, ...]:
    if filter_.kind == "below" and not _NUMBER.fullmatch(values[0]):
        raise InputError(f"'{values[0][:40]}' is no number for {filter_.title.lower()}. Write it as 12.5.")
    known = filter_.groups
    wrong = [value for value in values if known is not None and value not in known]
    if wrong:
        raise InputError(f"'{wrong[0]}' is no choice for {filter_.title.lower()}. Choose {' or '.join(known or ())}.")
    return values


def _sort(text: str, tables: tuple[Table, ...]) -> tuple[str, str]:
    name, _, column = text.partition(":")
    table = next((table for table in tables if table.name == name), None)
    names = [part.removeprefix("-") for part in column.split(",")]
    if table is None or len(names) > MOST_SORTS or any(table.column(part) is None for part in names):
        raise InputError(f"'{text}' is nothing this page can be sorted by.")
    return name, column


def _columns(text: str, tables: tuple[Table, ...]) -> tuple[str, tuple[str, ...]]:
    name, _, listed = text.partition(":")
    table = next((table for table in tables if table.name == name), None)
    names = tuple(filter(None, listed.split(",")))
    if table is None or any(table.column(part) is None for part in names):
        raise InputError(f"'{text}' names columns that this page does not have.")
    return name, names


def _row(text: str | None, tables: tuple[Table, ...]) -> tuple[str, str] | None:
    if text is None:
        return None
    name, _, key = text.partition(":")
    if name not in [table.name for table in tables] or not _KEY.fullmatch(key):
        raise InputError(f"'{text[:80]}' names no row of this page.")
    return name, key
