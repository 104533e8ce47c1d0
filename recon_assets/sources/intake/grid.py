"""A table of cells as a sheet or a text file shows it, before anybody knows its heading.

Every cell is text, null where it is empty; what a workbook knows beside the text (a typed value, a text shown by a
number format) stands beside it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_BATCH = 20_000
# What a spreadsheet shows in a cell whose formula failed; also the texts that it saves in their place.
ERROR_VALUES = frozenset((
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#GETTING_DATA", "Err:502", "Err:504", "Err:508", "Err:522",
))  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """The rows of one sheet, or of one text file.

    `columns` are string arrays of one length, `lines` says where each row stands (1-based). `typed` tells the cells
    that were numbers or dates by themselves; `shown` holds, by column and row, numbers as their format shows them,
    `currencies` likewise the currency other than the ringgit that a format shows with a number.
    """

    name: str | None
    columns: list[pa.Array]
    lines: pa.Array
    typed: dict[int, pa.Array] = field(default_factory=dict)
    shown: dict[int, dict[int, str]] = field(default_factory=dict)
    currencies: dict[int, dict[int, str]] = field(default_factory=dict)
    widths: pa.Array | None = None  # of text files: fields of each row
    delimiter: str | None = None  # likewise
    problems: dict[int, str] = field(default_factory=dict)  # by row: why it cannot be read
    date_1904: bool = False
    is_hidden: bool = False
    merged: tuple[tuple[int, int, int], ...] = ()  # cells that are one: first row, last row, column

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, index: int) -> list[str | None]:
        return [column[index].as_py() for column in self.columns]

    def filled_down(self, ranges: Sequence[tuple[int, int, int]]) -> "Grid":
        """With the value of these merged cells in each of their rows, as a person sees it."""
        columns, typed = list(self.columns), dict(self.typed)
        for first, last, position in ranges:
            rows = slice(first + 1, last + 1)
            columns[position] = _with_repeated(columns[position], first, rows)
            if position in typed:
                typed[position] = _with_repeated(typed[position], first, rows)
        return replace(self, columns=columns, typed=typed)

    def head(self, count: int) -> list[list[str | None]]:
        """The first rows, as texts."""
        return [list(row) for row in zip(*(column.slice(0, count).to_pylist() for column in self.columns), strict=True)]


def _with_repeated(column: pa.Array, first: int, rows: slice) -> pa.Array:
    count = min(rows.stop, len(column)) - rows.start
    return pa.concat_arrays([column[: rows.start], pa.repeat(column[first], max(count, 0)), column[rows.stop :]])


@dataclass
class GridBuilder:
    """Collects rows of differing widths into a grid, in batches of columns."""

    batches: list[tuple[int, list[tuple[pa.Array, pa.Array | None]]]] = field(default_factory=list)

    def extend(self, rows: Iterable[Sequence[Any]]) -> None:
        iterator = iter(rows)
        while batch := list(islice(iterator, _BATCH)):
            width = max(map(len, batch))
            if min(map(len, batch)) < width:
                batch = [[*row, *[None] * (width - len(row))] for row in batch]
            self.batches.append((len(batch), [_texts(column) for column in zip(*batch, strict=True)]))

    def add(self, columns: Sequence[pa.Array]) -> None:
        """Rows that are columns of texts already."""
        self.batches.append((len(columns[0]), [(column, None) for column in columns]))

    def columns(self) -> tuple[list[pa.Array], dict[int, pa.Array]]:
        """The columns as text, and for those that have typed cells which these are."""
        width = max((len(columns) for _, columns in self.batches), default=0)
        texts: list[pa.Array] = []
        typed: dict[int, pa.Array] = {}
        for position in range(width):
            parts, marks = zip(*self._parts(position), strict=True)
            texts.append(pa.concat_arrays(parts))
            if any(mark is not None for mark in marks):
                typed[position] = pa.concat_arrays(
                    [pa.repeat(False, len(p)) if m is None else m for p, m in zip(parts, marks, strict=True)]
                )
        return texts, typed

    def _parts(self, position: int) -> Iterator[tuple[pa.Array, pa.Array | None]]:
        for count, columns in self.batches:
            if position < len(columns):
                yield columns[position]
            else:
                yield pa.nulls(count, pa.string()), None


def _texts(column: tuple[Any, ...]) -> tuple[pa.Array, pa.Array | None]:
    """The cells of a column as text, and which of them were typed; None when none was."""
    kinds = set(map(type, column))
    if kinds <= {str, type(None)}:
        return pa.array([text if text and not text.isspace() else None for text in column], pa.string()), None
    if kinds == {float}:
        texts = pc.cast(pa.array(column, pa.float64()), pa.string())
        if not pc.any(pc.match_substring_regex(texts, "[a-z]")).as_py():
            return texts, pa.repeat(True, len(column))
    cells = [cell_text(cell) for cell in column]
    return pa.array(cells, pa.string()), pa.array([not isinstance(c, str | type(None)) for c in column], pa.bool_())


def cell_text(value: Any) -> str | None:
    """A cell as text: dates in ISO, numbers without format and exponent; None for an empty one."""
    if value is None or isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    return str(value)
