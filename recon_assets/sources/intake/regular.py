"""The rows of a delimited text below its first ones, as Arrow reads them where every parser reads them alike.

That is what programs write: UTF-8, records of one width, none blank, quotes that only open, close and escape. Of any
other text nothing is read here.
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from recon_assets.sources.blocks import BLOCK, BOM, OpenQuoteError, read_blocks

_MAY_BE_RULE = r"^[^A-Za-z0-9]*[-=_]{3}[^A-Za-z0-9]*$"


@dataclass(frozen=True)
class RegularRows:
    """Columns of texts, null where a field holds nothing or blanks, and the line of the file where each row begins."""

    columns: list[pa.Array]
    lines: npt.NDArray[np.int64]


def regular_rows(data: bytes, delimiter: str, width: int, first_line: int) -> RegularRows | None:
    """The rows of `data`, whose first one begins in `first_line`; None when they are not regular, or of another width.

    Rows that are drawn lines are no rows of a table: a text that may have some is not regular either.
    """
    if len(delimiter) != 1 or not _may_be_regular(data):
        return None
    parts: list[pa.Table] = []
    lines: list[npt.NDArray[np.int64]] = []
    try:
        for block in read_blocks(io.BytesIO(data), delimiter, width, "", BLOCK, first_line):
            if block.is_set_right or block.set_aside or block.blank:
                return None
            parts.append(_parsed(block.data, delimiter, width))
            lines.append(block.lines)
    except (OpenQuoteError, pa.ArrowInvalid):
        return None
    if not parts or sum(part.num_rows for part in parts) != sum(map(len, lines)):
        return None
    columns = [_filled(column.combine_chunks()) for column in pa.concat_tables(parts).columns]
    return None if _has_rule(columns) else RegularRows(columns, np.concatenate(lines))


def _may_be_regular(data: bytes) -> bool:
    if b"\0" in data or BOM in data:
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _parsed(data: bytes, delimiter: str, width: int) -> pa.Table:
    names = [str(n) for n in range(width)]
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        arrow_csv.ReadOptions(column_names=names),
        arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _filled(texts: pa.StringArray) -> pa.StringArray:
    """The texts without those of blanks alone."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    rows = np.flatnonzero(offsets[:-1] < offsets[1:])
    first = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[rows]]
    may_be_blank = np.zeros(len(texts), np.bool_)
    may_be_blank[rows[(first <= ord(" ")) | (first > ord("~"))]] = True
    if not may_be_blank.any():
        return texts
    mask = pa.array(may_be_blank)
    kept = [None if not text or text.isspace() else text for text in texts.filter(mask).to_pylist()]
    return pc.replace_with_mask(texts, mask, pa.array(kept, pa.string()))


def _has_rule(columns: list[pa.Array]) -> bool:
    """Whether a row may hold nothing but drawn lines."""
    rows = np.arange(len(columns[0]))
    for column in columns:
        texts = column.take(pa.array(rows))
        rows = rows[pc.fill_null(pc.match_substring_regex(texts, _MAY_BE_RULE), True).to_numpy(zero_copy_only=False)]
        if not len(rows):
            return False
    return True
