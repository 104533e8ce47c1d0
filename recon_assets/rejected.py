"""Rows that were not loaded: all of a month, and for whoever runs months how many there are and the first of them."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    found = []
    for window in (window for subject in subjects for window in load_windows(subject)):
        counts: dict[str, int] = {}
        first: list[str] = []
        for month in sorted({add_months(month, offset) for month in months for offset in window.offsets}):
            if count := sum(pq.read_metadata(file).num_rows for file in raw.rejected_files(window.source, month)):
                counts[month] = count
                if len(first) < _SHOWN:
                    first += map(_in_words, rejected_rows(raw, window.source, month, _SHOWN - len(first)))
        if counts:
            found.append(Rejections(window.source, counts, first))
    return found


def rejected_rows(raw: RawStore, source: str, month: str, limit: int | None = None) -> list[Row]:
    """Rejected rows of the newest attempt to load a month, in order of file and row; the first `limit` of them."""
    with _rejected(raw, source, month) as rows:
        if rows is None:
            return []
        return (rows if limit is None else rows.limit(limit)).fetchall()


@contextmanager
def _rejected(raw: RawStore, source: str, month: str) -> Iterator[duckdb.DuckDBPyRelation | None]:
    files = [str(path) for path in raw.rejected_files(source, month)]
    if not files:
        yield None
        return
    with duckdb.connect() as connection:
        yield connection.read_parquet(files).project(_COLUMNS).order("source_file, source_row")


def _in_words(row: Row) -> str:
    _, _, file, number, line, column, value, reason = row
    where = f"row {line} (record {number})" if line is not None else f"record {number}"
    place = f"{file}, {where}" + (f", column '{column}'" if column else "")
    return f"{place}: " + (f"{value!r} {reason}" if value is not None else str(reason))
