"""SQL of the screens: pages, totals, choices and downloads of a table. Every value is a bound parameter.

Names of columns and marts come from the declarations in the screens' modules, never from a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recon_assets.app.tables import Filter, Table
from recon_assets.months import first_day
from recon_assets.pipeline.marts import CHANGES

Query = tuple[str, list[Any]]
MAX_CHOICES = 500


@dataclass(frozen=True)
class Restriction:
    """What of a table is looked at: months (both included), values of filters, and equal values of columns."""

    first: str
    last: str
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    equal: Mapping[str, Any] = field(default_factory=dict)


def page(table: Table, restriction: Restriction, sort: str | None, start: int, count: int) -> Query:
    """Rows `start` to `start + count` in order of `sort` (columns with commas between, `-` before: descending)."""
    condition, values = _where(table, restriction)
    columns = ", ".join([f"{column.expression} as {column.name}" for column in table.columns] + list(table.extra))
    sql = (
        f"select reconciliation_key, {table.status} as status, {columns} from marts.{table.mart} where {condition} "
        f"order by {order_by(table, sort)} limit ? offset ?"
    )
    return sql, [*values, count, start]


def everything(table: Table, restriction: Restriction, sort: str | None, columns: tuple[str, ...]) -> Query:
    """All rows with `columns` of the mart, and the difference as screens show it: what a download holds."""
    condition, values = _where(table, restriction)
    order = order_by(table, sort)
    listed = ", ".join([*columns, *([f"{table.right_minus_left} as right_minus_left"] if table.is_compared else [])])
    return f"select {listed} from marts.{table.mart} where {condition} order by {order}", values


def listing(table: Table, restriction: Restriction, sort: str | None, listed: list[str]) -> Query:
    """All rows of a restriction in order, with the `listed` expressions of the declarations."""
    condition, values = _where(table, restriction)
    sql = f"select {', '.join(listed)} from marts.{table.mart} where {condition} order by {order_by(table, sort)}"
    return sql, values


def one(table: Table, key: str, first: str, last: str, sort: str | None = None) -> Query:
    """The row of a key in these months: all of the mart, its row_status, and what it is sorted by as sorted_0..."""
    condition, values = _where(table, Restriction(first, last, {}, {"reconciliation_key": key}))
    listed = "".join(f", {expression} as sorted_{n}" for n, (expression, _) in enumerate(_terms(table, sort)))
    listed += f", {table.status} as row_status"
    return f"select *{listed} from marts.{table.mart} where {condition}", values


def neighbour(table: Table, restriction: Restriction, sort: str | None, row: Mapping[str, Any], step: int) -> Query:
    """The key of the row after (`step` 1) or before (-1) `row`, which `one` found, in the order of the grid."""
    condition, values = _where(table, restriction)
    terms = _terms(table, sort)
    beyond: list[str] = []
    equal: list[str] = []
    bound: list[Any] = []
    for n, (expression, direction) in enumerate(terms):
        here = row[f"sorted_{n}"]
        sign = ">" if (direction == "asc") == (step > 0) else "<"
        if here is None:  # empty ones come last
            own = "false" if step > 0 else f"{expression} is not null"
            own_values: list[Any] = []
        else:
            own = f"({expression} {sign} ?" + (f" or {expression} is null)" if step > 0 else ")")
            own_values = [here]
        beyond.append(" and ".join([*equal, own]))
        bound += [*(row[f"sorted_{m}"] for m in range(n)), *own_values]
        equal.append(f"{expression} is not distinct from ?")
    beyond.append(" and ".join([*equal, f"reconciliation_key {'>' if step > 0 else '<'} ?"]))
    bound += [*(row[f"sorted_{m}"] for m in range(len(terms))), row["reconciliation_key"]]
    order = order_by(table, sort) if step > 0 else _backwards(terms)
    return (
        f"select reconciliation_key from marts.{table.mart} where {condition} "
        f"and ({' or '.join(f'({part})' for part in beyond)}) order by {order} limit 1",
        [*values, *bound],
    )


def totals(table: Table, restriction: Restriction) -> Query:
    """Per status and currency: row_count, and the sums of the table as sum_0, sum_1...; they never mix currencies."""
    condition, values = _where(table, restriction)
    sums = "".join(f", sum({sql}) as sum_{n}" for n, sql in enumerate(table.sums))
    return (
        f"select {table.status} as status, {table.currency} as currency, count(*) as row_count{sums} "
        f"from marts.{table.mart} where {condition} group by all order by 1, 2 nulls last",
        values,
    )


def attention(table: Table, restriction: Restriction, late: str | None) -> Query:
    """Per currency and status: rows, decided ones, what the others differ by regardless of sign, and late ones.

    What cannot be compared differs by null.
    """
    condition, values = _where(table, restriction)
    late_count = f"count(*) filter (where {late})" if late else "0"
    decided = "coalesce(decision_state = 'holds' and decision in ('accept', 'ignore', 'pending'), false)"
    return (
        f"select {table.currency} as currency, {table.status} as status, count(*) as row_count, "
        f"count(*) filter (where {decided}) as decided_count, {late_count} as late_count, "
        f"count({table.right_minus_left}) as compared_count, "
        f"sum(case when {decided} then 0 else abs({table.right_minus_left}) end) as at_risk "
        f"from marts.{table.mart} where {condition} group by all order by 1, 2",
        values,
    )


def choices(table: Table, filter_: Filter, restriction: Restriction) -> Query:
    """The values a filter can take in these months, whatever else is filtered."""
    condition, values = _where(table, Restriction(restriction.first, restriction.last))
    if filter_.kind == "changes":
        return (
            f"select distinct {filter_.column} as value from marts.{CHANGES.name} where billing_month between ? and ? "
            f"and {filter_.column} is not null order by 1",
            values,
        )
    sql = (
        f"select distinct {filter_.column} as value from marts.{table.mart} "
        f"where {condition} and {filter_.column} is not null order by 1 limit {MAX_CHOICES}"
    )
    return sql, values


def order_by(table: Table, sort: str | None) -> str:
    # The key makes the order total: pages neither repeat nor lose a row.
    terms = [f"{expression} {direction} nulls last" for expression, direction in _terms(table, sort)]
    return ", ".join([*terms, "reconciliation_key"])


def _backwards(terms: list[tuple[str, str]]) -> str:
    turned = {"asc": "desc", "desc": "asc"}
    return ", ".join(
        [*(f"{expression} {turned[way]} nulls first" for expression, way in terms), "reconciliation_key desc"]
    )


def _terms(table: Table, sort: str | None) -> list[tuple[str, str]]:
    """What `sort` orders by: expressions and directions."""
    found = []
    for part in (sort or table.sort).split(","):
        column = table.column(part.removeprefix("-"))
        assert column is not None, f"{table.name} has no column {part}"
        found.append((column.order or column.expression, "desc" if part.startswith("-") else "asc"))
    return found


def _where(table: Table, restriction: Restriction) -> Query:
    conditions = ["billing_month between ? and ?"]
    values: list[Any] = [first_day(restriction.first), first_day(restriction.last)]
    for name, chosen in restriction.filters.items():
        filter_ = table.filter(name)
        if filter_ is None or filter_.kind == "view" or not chosen:
            continue
        if filter_.kind == "changes":
            conditions.append(
                f"reconciliation_key in (select reconciliation_key from marts.{CHANGES.name} where "
                f"billing_month between ? and ? and {filter_.column} in ({', '.join('?' * len(chosen))}))"
            )
            values += [first_day(restriction.first), first_day(restriction.last), *chosen]
        elif filter_.kind == "text":
            conditions.append(f"contains(lower({filter_.column}), lower(?))")
            values.append(chosen[0])
        elif filter_.kind == "below":
            conditions.append(f"{filter_.column} < cast(? as decimal(38, 12))")
            values.append(chosen[0])
        else:
            listed = _values(filter_, chosen)
            unknown = f" or {filter_.column} is null" if filter_.keeps_unknown else ""
            conditions.append(f"({filter_.column} in ({', '.join('?' * len(listed))}){unknown})")
            values += listed
    for column, value in restriction.equal.items():
        conditions.append(f"{column} is not distinct from ?" if value is None else f"{column} = ?")
        values.append(value)
    return " and ".join(conditions), values


def _values(filter_: Filter, chosen: tuple[str, ...]) -> list[str]:
    if filter_.groups is None:
        return list(chosen)
    return [value for name in chosen for value in filter_.groups[name]]
