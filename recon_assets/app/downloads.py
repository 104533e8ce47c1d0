"""The filtered set as a file, streamed: CSV row by row, XLSX through a temporary file. No cell becomes a formula."""

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recon_assets.errors import InputError
from recon_assets.export import SHEET_ROWS, open_workbook, write_rows
from recon_assets.query import plain_text

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")  # in full width too


def csv_lines(batches: Iterator[list[Any]]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a mark that Excel needs to see it."""
    yield b"\xef\xbb\xbf" + _lines([next(batches)])
    for batch in batches:
        yield _lines([[_safe(value) for value in row] for row in batch])


def _lines(rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8")


def _safe(value: Any) -> str:
    """Text of a value; what a spreadsheet would take for a formula gets an apostrophe. Numbers stay numbers."""
    text = plain_text(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def write_xlsx(batches: Iterator[list[Any]], row_count: int, title: str) -> Path:
    """A workbook in a temporary file that the caller removes; InputError when a sheet cannot hold the rows."""
    if row_count > SHEET_ROWS:
        raise InputError(f"{row_count:,} rows are more than a sheet holds. Filter further, or download CSV.")
    with tempfile.NamedTemporaryFile(prefix="recon-", suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    try:
        with open_workbook(path) as (book, formats):
            write_rows(book.add_worksheet(title[:31]), batches, formats, title)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path
