"""SQL of the screens: pages, totals, choices and downloads of a table. Every value is a bound parameter.

Names of columns and marts come from the declarations in the screens' modules, never from a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recon_assets.app.tables import Filter, Table
from recon_assets.months import first_day

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
    """Rows `start` to `start + count` in order of `sort` (a column's name, `-` before it: descending)."""
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
    listed = ", ".join([*columns, f"{table.right_minus_left} as right_minus_left"])
    return f"select {listed} from marts.{table.mart} where {condition} order by {order}", values


def one(table: Table, key: str, first: str, last: str) -> Query:
    """The row of a key in these months, with every column of the mart."""
    condition, values = _where(table, Restriction(first, last, {}, {"reconciliation_key": key}))
    return f"select * from marts.{table.mart} where {condition}", values


def totals(table: Table, restriction: Restriction) -> Query:
    """Per status and currency: row_count, and the sums of the table as sum_0, sum_1...; they never mix currencies."""
    condition, values = _where(table, restriction)
    sums = "".join(f", sum({sql}) as sum_{n}" for n, sql in enumerate(table.sums))
    return (
        f"select {table.status} as status, {table.currency} as currency, count(*) as row_count{sums} "
        f"from marts.{table.mart} where {condition} group by all order by 1, 2 nulls last",
        values,
    )


def choices(table: Table, filter_: Filter, restriction: Restriction) -> Query:
    """The values a filter can take in these months, whatever else is filtered."""
    condition, values = _where(table, Restriction(restriction.first, restriction.last))
    sql = (
        f"select distinct {filter_.column} as value from marts.{table.mart} "
        f"where {condition} and {filter_.column} is not null order by 1 limit {MAX_CHOICES}"
    )
    return sql, values


def order_by(table: Table, sort: str | None) -> str:
    name = (sort or table.sort).removeprefix("-")
    column = table.column(name)
    assert column is not None, f"{table.name} has no column {name}"
    direction = "desc" if (sort or table.sort).startswith("-") else "asc"
    # The key makes the order total: pages neither repeat nor lose a row.
    return f"{column.order or column.expression} {direction} nulls last, reconciliation_key"


def _where(table: Table, restriction: Restriction) -> Query:
    conditions = ["billing_month between ? and ?"]
    values: list[Any] = [first_day(restriction.first), first_day(restriction.last)]
    for name, chosen in restriction.filters.items():
        filter_ = table.filter(name)
        if filter_ is None or filter_.kind == "view" or not chosen:
            continue
        if filter_.kind == "text":
            conditions.append(f"contains(lower({filter_.column}), lower(?))")
            values.append(chosen[0])
        elif filter_.kind == "below":
            conditions.append(f"{filter_.column} < cast(? as decimal(38, 12))")
            values.append(chosen[0])
        else:
            listed = _values(filter_, chosen)
            conditions.append(f"{filter_.column} in ({', '.join('?' * len(listed))})")
            values += listed
    for column, value in restriction.equal.items():
        conditions.append(f"{column} is not distinct from ?" if value is None else f"{column} = ?")
        values.append(value)
    return " and ".join(conditions), values


def _values(filter_: Filter, chosen: tuple[str, ...]) -> list[str]:
    if filter_.groups is None:
        return list(chosen)
    return [value for name in chosen for value in filter_.groups[name]]
