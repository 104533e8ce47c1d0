"""`recon export`: a consistent copy of the published marts for tools that cannot read Delta."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from recon_assets.errors import InputError
from recon_assets.pipeline.marts import published_marts
from recon_assets.query import connect_published, write_csv

SHEET_ROWS = 1_048_575  # a sheet's limit, less its header


def export_marts(form: str, out: Path, months: list[str] | None, as_of: dt.datetime | None) -> dict[str, int]:
    """Write every mart to `out`, all at one moment of the publications log; rows written by mart."""
    if out.exists() and ((out.is_dir() and any(out.iterdir())) or out.is_file()):
        raise InputError(f"{out} exists already. Name another place, or remove it.")
    if form == "duckdb" and out.stem.lower() == "marts":
        raise InputError("DuckDB names a database after its file, and 'marts' is its schema here. Name another file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    write = {"csv": _to_csv, "duckdb": _to_duckdb, "parquet": _to_parquet, "xlsx": _to_xlsx}[form]
    with connect_published(as_of) as connection:
        return write(connection, out, lambda mart: _select(mart, months))


def _select(mart: str, months: list[str] | None) -> str:
    listed = ", ".join(f"date '{month}-01'" for month in months or [])
    return f"select * from marts.{mart}" + (f" where billing_month in ({listed})" if months else "")


def _to_csv(connection: duckdb.DuckDBPyConnection, out: Path, select: Callable[[str], str]) -> dict[str, int]:
    """A file per mart, written as `recon query --format csv` writes it."""
    out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for mart in published_marts():
        with (out / f"{mart}.csv").open("w", encoding="utf-8", newline="") as file:
            rows[mart] = write_csv(connection.execute(select(mart)), file)
    return rows


def _to_parquet(connection: duckdb.DuckDBPyConnection, out: Path, select: Callable[[str], str]) -> dict[str, int]:
    import pyarrow.parquet as pq

    out.mkdir(parents=True, exist_ok=True)
    rows = {}
    for mart in published_marts():
        reader = connection.execute(select(mart)).to_arrow_reader(100_000)
        rows[mart] = 0
        with pq.ParquetWriter(out / f"{mart}.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows[mart] += batch.num_rows
    return rows


def _to_duckdb(connection: duckdb.DuckDBPyConnection, out: Path, select: Callable[[str], str]) -> dict[str, int]:
    rows = {}
    with duckdb.connect() as target:
        path = str(out).replace("'", "''")
        target.execute(f"attach '{path}' as exported; use exported; create schema exported.marts")
        for mart in published_marts():
            incoming = connection.execute(select(mart)).to_arrow_reader(100_000)
            target.register("incoming", incoming)
            target.execute(f"create table exported.marts.{mart} as select * from incoming")
            target.unregister("incoming")
            rows[mart] = target.table(f"exported.marts.{mart}").count("*").fetchall()[0][0]
    return rows


def _to_xlsx(connection: duckdb.DuckDBPyConnection, out: Path, select: Callable[[str], str]) -> dict[str, int]:
    rows = {}
    with open_workbook(out) as (book, formats):
        for mart in published_marts():
            result = connection.execute(select(mart))
            rows[mart] = write_rows(book.add_worksheet(mart[:31]), _batches(result), formats, mart)
    return rows


@contextmanager
def open_workbook(out: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A workbook that keeps no rows in memory, and its formats. Text stays text: no formula, no link."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(out), options) as book:
        yield book, {"date": book.add_format({"num_format": "yyyy-mm-dd"}), "bold": book.add_format({"bold": True})}


def write_rows(sheet: Any, batches: Iterator[list[Any]], formats: dict[str, Any], name: str) -> int:
    """Write the heading (the first of `batches`) and the rows (the others); how many rows."""
    sheet.freeze_panes(1, 0)
    headings = next(batches)
    for column, heading in enumerate(headings):
        sheet.set_column(column, column, max(12, len(heading) + 3))
        sheet.write_string(0, column, heading, formats["bold"])
    count = 0
    for batch in batches:
        for row in batch:
            count += 1
            if count > SHEET_ROWS:
                raise InputError(f"{name} has more rows than a sheet holds. Choose fewer months, or parquet or duckdb.")
            for column, value in enumerate(row):
                _write_cell(sheet, count, column, value, formats)
    sheet.autofilter(0, 0, max(count, 1), len(headings) - 1)
    return count


def _batches(result: duckdb.DuckDBPyConnection) -> Iterator[list[Any]]:
    yield [column[0] for column in result.description or []]
    while batch := result.fetchmany(10_000):
        yield batch


def _write_cell(sheet, row: int, column: int, value: object, formats: dict) -> None:  # type: ignore[no-untyped-def,type-arg]
    if value is None:
        return
    if isinstance(value, dt.datetime):
        sheet.write_string(row, column, value.isoformat(sep=" "))
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, column, value, formats["date"])
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    else:
        sheet.write_number(row, column, value)
