"""How many records a file holds, counted without the readers; None where the bytes do not tell it beyond doubt."""

import gzip
import io
import json
import re
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_MOST_BYTES = 200 * 1000


def count_records(path: str, content: bytes) -> int | None:
    """Records of the landed file `path`, by its name."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
    name = path.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return _parquet(content)
    if name.endswith((".xlsx", ".zip")):
        return None
    if path.startswith("einvoice/") and not name.endswith(".csv"):
        return len([line for line in content.split(b"\n") if line.strip()]) if name.endswith(".jsonl") else 1
    text = _decoded(content)
    if text is None:
        return None
    if name.endswith(".json"):
        return _items(text) if path.startswith("bss/") else _filled_lines(text)
    return _delimited(text)


def _parquet(content: bytes) -> int | None:
    try:
        return int(pq.read_metadata(io.BytesIO(content)).num_rows)
    except (pa.ArrowException, OSError):
        return None


def _decoded(content: bytes) -> str | None:
    """UTF-8 only: how other encodings are told is the reader's own business."""
    if b"\x00" in content or len(content) > _MOST_BYTES:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _delimited(text: str) -> int | None:
    """Lines below the first; a file with quotes may have records of several lines."""
    if '"' in text:
        return None
    lines = re.split("\r\n|\r|\n", text)
    filled = [line for line in lines if line.strip()]
    if not filled or "\t" in filled[0]:  # a line of tabs is a record of empty fields
        return None
    return len(filled) - 1


def _filled_lines(text: str) -> int:
    return len([line for line in re.split("\r\n|\r|\n", text) if line.strip()])


def _items(text: str) -> int | None:
    """Items of the invoices of a page; an invoice that has no list of them is one record."""
    try:
        page: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        return None
    items = [invoice.get("items") if isinstance(invoice, dict) else None for invoice in page["data"]]
    return sum(len(own) if isinstance(own, list) else 1 for own in items)
