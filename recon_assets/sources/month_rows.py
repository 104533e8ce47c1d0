"""Converted rows against the month that they land in: what is left out of it, and what is dated outside it.

Spec: intake.md, 7. Reconciliation files are never judged by their dates: their charges may be older.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb

from recon_assets.catalogue import SOURCES
from recon_assets.landing.profiles import IN_A_PROFILE

_MOST_NAMED = 5  # months, in a message
_FEW = 3  # documents: fewer of them may all be dated elsewhere
Words = tuple[str, str, int, Decimal]  # a word, the currency of its lines, how many there are, and their cost


@dataclass(frozen=True)
class Outside:
    """Rows dated outside their month: how many of all, the months they are dated in, and amounts by currency.

    `swapped`: rows that lie in the month when day and month change places; counted where any is outside.
    """

    rows: int = 0
    of: int = 0
    months: list[str] = field(default_factory=list)
    amounts: dict[str, Decimal] = field(default_factory=dict)
    swapped: int = 0

    @property
    def is_all(self) -> bool:
        return self.rows > 0 and self.rows == self.of


def leave_out(connection: duckdb.DuckDBPyConnection, rows: Path, ignores: Mapping[str, str]) -> dict[str, int]:
    """Take the rows out of a file of converted ones for which the SQL of a rule holds; how many by rule."""
    left_out: dict[str, int] = {}
    for name, condition in ignores.items():
        kept = rows.with_suffix(".kept")
        read = _read([rows])
        count = _one(connection, f"select count(*) from {read} where {condition}")
        if count:
            connection.execute(
                f"copy (select * from {read} where not coalesce({condition}, false)) to {quoted(kept)} "
                "(format parquet, compression zstd)"
            )
            kept.replace(rows)
            left_out[name] = count
    return left_out


def invoices_of(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[Path], column: str, condition: str
) -> list[Words]:
    """BSS lines whose `column` is a word for which the SQL `condition` (on `word`, in lower case) holds: the word,
    currency, how many lines and their cost."""
    if not rows:
        return []
    cost = "coalesce(total_cost, cast(quantity as decimal(38, 6)) * cast(unit_cost as decimal(38, 6)), 0)"
    found = connection.execute(
        f"""
        select said, currency, count(*), sum(cost)
        from (select trim({column}) as said, lower(said) as word, currency, {cost} as cost from {_read(rows)})
        where {condition} group by all order by all
        """
    )
    return found.fetchall()


def days_of(connection: duckdb.DuckDBPyConnection, source: str, rows: Sequence[Path]) -> set[dt.date]:
    """The days that converted rows are dated."""
    if not rows:
        return set()
    dated = SOURCES[source].dated_by
    found = connection.execute(f"select distinct cast({dated} as date) from {_read(rows)} where {dated} is not null")
    return {day for (day,) in found.fetchall()}


def together(found: Sequence[Outside]) -> Outside:
    """What of several files is dated outside their month."""
    if not found:
        return Outside()
    amounts: dict[str, Decimal] = {}
    for one in found:
        for currency, amount in one.amounts.items():
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    months = list(dict.fromkeys(month for one in found for month in one.months))
    rows, of, swapped = (sum(counts) for counts in zip(*((o.rows, o.of, o.swapped) for o in found), strict=True))
    return Outside(rows, of, months, amounts, swapped)


def outside_month(
    connection: duckdb.DuckDBPyConnection, source: str, month: str, rows: Sequence[Path], dated_by: str
) -> Outside:
    """What of the converted rows is dated outside the month, by the SQL `dated_by` (none: nothing is)."""
    known = SOURCES[source]
    if not dated_by or not rows:
        return Outside()
    of = _one(connection, f"select count(*) from {_read(rows)}")
    found = connection.execute(
        f"""
        select strftime({dated_by}, '%Y-%m') as dated, coalesce({known.currency}, '') as currency,
            count(*) as row_count, sum(coalesce({known.amount}, 0)) as amount
        from {_read(rows)} group by all having dated <> {quoted(month)} order by row_count desc, dated, currency
        """
    ).fetchall()
    amounts: dict[str, Decimal] = {}
    for _, currency, _, amount in found:
        amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    months = list(dict.fromkeys(dated for dated, *_ in found))
    outside = sum(count for _, _, count, _ in found)
    swapped = f"select count(*) from {_read(rows)} where strftime({dated_by}, '%Y-%d') = {quoted(month)}"
    return Outside(outside, of, months, amounts, _one(connection, swapped) if outside else 0)


def wrong_month(source: str, month: str, outside: Outside) -> str | None:
    """Why rows that are dated outside their month are not loaded, if so: all of usage, all of three documents or more,
    and of usage also some where every row lies in the month with the day first."""
    is_usage = SOURCES[source].reader == "usage"
    is_day_first = is_usage and outside.rows > 0 and outside.swapped == outside.of
    is_spread = is_day_first and len(outside.months) > 1  # of one other month a few may be, whatever their day
    if not is_spread and (not outside.is_all or (not is_usage and outside.of < _FEW)):
        return None
    named = ", ".join(sorted(outside.months)[:_MOST_NAMED])
    rows = "every row is" if outside.is_all else f"{outside.rows:,} of {outside.of:,} rows are"
    text = f"{rows} dated outside {month}: they belong to {named}. Land the file in the folder of that month"
    if is_day_first:
        text += f". Read with the day first all of them lie in {month}: if the file writes it so, say {IN_A_PROFILE}: "
        text += 'date_order = "day_first"'
    return text


def _read(rows: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(quoted(path) for path in rows)}])"


def quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
