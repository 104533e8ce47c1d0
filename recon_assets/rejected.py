"""Rows that were not loaded: all of a month, and for whoever runs months how many there are and the first of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow.parquet as pq

from recon_assets.catalogue import load_windows
from recon_assets.lakehouse.raw import RawStore
from recon_assets.months import add_months

_SHOWN = 3
_COLUMNS = "source, month, source_file, source_row, source_line, column_name, value, reason"
Row = tuple[object, ...]  # of _COLUMNS


@dataclass(frozen=True)
class Rejections:
    """Rejected rows of a source, by month, and the first of them in words."""

    source: str
    months: dict[str, int]
    first: list[str]


def rejections(raw: RawStore, subjects: list[str], months: list[str]) -> list[Rejections]:
    """What the newest loads rejected of the sources of `subjects`, in the windows of `months`; sources with any."""
    with duckdb.connect() as connection:  # one for all: it takes as long as reading the rows
        return list(_rejections(raw, subjects, months, connection))


def _rejections(
    raw: RawStore, subjects: list[str], months: list[str], connection: duckdb.DuckDBPyConnection
) -> Iterator[Rejections]:
    for window in (window for subject in subjects for window in load_windows(subject)):
        counts: dict[str, int] = {}
        first: list[str] = []
        for month in sorted({add_months(month, offset) for month in months for offset in window.offsets}):
            if count := sum(pq.read_metadata(file).num_rows for file in raw.rejected_files(window.source, month)):
                counts[month] = count
                if len(first) < _SHOWN:
                    rows = _in_order(raw, window.source, month, connection).limit(_SHOWN - len(first))
                    first += map(_in_words, rows.fetchall())
        if counts:
            yield Rejections(window.source, counts, first)


def rejected_rows(raw: RawStore, source: str, month: str) -> list[Row]:
    """Rejected rows of the newest attempt to load a month, in order of file and row."""
    if not raw.rejected_files(source, month):
        return []
    with duckdb.connect() as connection:
        return _in_order(raw, source, month, connection).fetchall()


def _in_order(raw: RawStore, source: str, month: str, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    files = [str(path) for path in raw.rejected_files(source, month)]
    return connection.read_parquet(files).project(_COLUMNS).order("source_file, source_row")


def _in_words(row: Row) -> str:
    _, _, file, number, line, column, value, reason = row
    where = f"row {line} (record {number})" if line is not None else f"record {number}"
    place = f"{file}, {where}" + (f", column '{column}'" if column else "")
    return f"{place}: " + (f"{value!r} {reason}" if value is not None else str(reason))
