"""`recon query`: SQL over the published marts, written row by row, no row limit."""

import csv
import datetime as dt
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

import duckdb

from recon_assets.errors import InputError
from recon_assets.lakehouse.raw import RawStore
from recon_assets.lakehouse.views import require_reading
from recon_assets.period import Period, period_sql, prepare
from recon_assets.pipeline.marts import published_marts
from recon_assets.settings import load_settings
from recon_assets.storage import published_store
from recon_assets.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_BATCH = 10_000
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_WRITTEN_BY_CSV = ("VARCHAR", "BIGINT", "INTEGER")  # NULL as nothing, numbers plain
_UNBOUNDED = 10**6  # columns of letters
_WIDE = 400  # a table that goes to a file or a pipe is not cut to a terminal's width


def parse_instant(text: str) -> dt.datetime:
    """An ISO 8601 instant, in UTC unless it carries an offset; a day alone means its last microsecond."""
    try:
        instant = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(f"'{text}' is not a time. Write it as 2025-03-31T18:00:00, in UTC.") from error
    if _is_day(text):
        instant += dt.timedelta(days=1, microseconds=-1)
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:  # in UTC they would fall outside the calendar
        raise InputError(f"'{text}' is not a time that anything was published at.")
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def connect_published(as_of: dt.datetime | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published marts, as they are or as they were."""
    return published_store(load_settings()).connect(published_marts().values(), as_of)


def run_query(sql: str, form: str, as_of: dt.datetime | None, out: TextIO) -> None:
    """Write the result of one SQL statement as a table, CSV or JSON.

    One that names schema `raw` reads the raw months too, as they are loaded now; they have no past.
    """
    settings = load_settings()
    names_raw = bool(re.search(r"\braw\b", sql, re.IGNORECASE))
    if names_raw and as_of is not None:
        raise InputError("The raw months are only there as they are now; leave --as-of out, or query schema marts.")
    raw = RawStore(settings.raw) if names_raw else None
    with published_store(settings).connect(published_marts().values(), as_of, raw=raw) as connection:
        try:
            require_reading(connection, sql)
            result = connection.execute(sql)
        except duckdb.Error as error:
            # Without the excerpt of the statement: the error is one line.
            text = " ".join(str(error).partition("\n\nLINE ")[0].split())
            raise InputError(f"The query cannot be run: {text}") from error
        if result is None:
            raise InputError("There is no statement to run. Write a SELECT.")
        _write(result, form, out)


def run_period(period: Period, form: str, as_of: dt.datetime | None, out: TextIO) -> list[str]:
    """Write the subscriptions of a period as `run_query` writes; the months of it that are not published."""
    published = published_store(load_settings())
    months = {month for month, subject in published.current(as_of) if subject == "subscriptions"}
    with connect_published(as_of) as connection:
        prepare(connection)
        sql = period_sql(period, months)
        if form == "csv":  # its texts are made in DuckDB, in a third of the time
            sql = f"select cast(columns(*) as varchar) from ({sql}) order by ms_subscription_id"
        _write(connection.execute(sql), form, out)
    return [month for month in period.months if month not in months]


def _write(result: duckdb.DuckDBPyConnection, form: str, out: TextIO) -> None:
    columns = [column[0] for column in result.description or []]
    if form == "csv":
        write_csv(result, out)
    elif form == "json":
        _write_json(result, columns, out)
    else:
        _write_table(result, columns, out)


def write_csv(result: duckdb.DuckDBPyConnection, out: TextIO) -> int:
    """UTF-8 by RFC 4180: a heading, then every row with plain decimals and ISO dates; how many rows."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column[0] for column in result.description or []])
    as_they_are = [str(kind[1]) in _WRITTEN_BY_CSV for kind in result.description or []]
    count = 0
    while batch := result.fetchmany(_BATCH):
        # Column by column: most are texts and whole numbers, which the writer writes as they should be.
        by_column = zip(as_they_are, zip(*batch, strict=True), strict=True)
        texts = [values if plain else [plain_text(value) for value in values] for plain, values in by_column]
        writer.writerows(zip(*texts, strict=True))
        count += len(batch)
    return count


def _write_json(result: duckdb.DuckDBPyConnection, columns: list[str], out: TextIO) -> None:
    separator = "["
    while batch := result.fetchmany(_BATCH):
        for row in batch:
            record = {name: _json_value(value) for name, value in zip(columns, row, strict=True)}
            out.write(f"{separator}\n{json.dumps(record, ensure_ascii=False)}")
            separator = ","
    out.write("[]\n" if separator == "[" else "\n]\n")


def _write_table(result: duckdb.DuckDBPyConnection, columns: list[str], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name, kind in zip(columns, result.description or [], strict=True):
        numeric = str(kind[1]).startswith(("DECIMAL", "NUMBER", "BIGINT", "INTEGER", "DOUBLE", "HUGEINT"))
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in result.fetchall():
        table.add_row(*(Text(visible(plain_text(value))) for value in row))
    console = Console(file=out)
    console = console if console.is_terminal else Console(file=out, width=_WIDE)
    unbounded = console.options.update(max_width=_UNBOUNDED)
    if table.row_count and console.measure(table, options=unbounded).maximum > console.width:
        _write_records(console, table)
    else:
        console.print(table)


def _write_records(console: "Console", table: "Table") -> None:
    """The rows of a table that is too wide to be read, each as a list of columns and values."""
    from rich.table import Table

    for number, values in enumerate(zip(*(column.cells for column in table.columns), strict=True), start=1):
        record = Table("column", f"row {number} of {table.row_count}")
        for column, value in zip(table.columns, values, strict=True):
            record.add_row(column.header, value)
        console.print(record)


def plain_text(value: Any) -> str:
    """Text of a value: plain decimals without exponent, ISO dates, NULL as nothing."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _json_value(value: Any) -> Any:
    return value if isinstance(value, int | float | bool) or value is None else plain_text(value)
