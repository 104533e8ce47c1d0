"""The filtered set as CSV, streamed row by row. No cell becomes a formula. Workbooks are in `workbook`."""

import csv
import io
from collections.abc import Iterator
from typing import Any

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
