"""A list of documents with its columns found and its texts made plain: what the rules of intake.md decide, before
anything is typed.

`Columns` holds one text array per declared column that the list has or that was derived; `Facts` what was decided and
assumed on the way, for people.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.sources.delimited import heading_text
from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import Heading
from recon_assets.sources.intake.rows import ControlTotal
from recon_assets.sources.stream import distinct, raw_row

_SHEET = re.compile(r"(\.\w+)#.*$")


def landed(file: str) -> str:
    """The path of a landed file without its sheet: what a profile or a setting matches."""
    return _SHEET.sub(r"\1", file)


@dataclass
class Facts:
    """What is told of a table: how it was read, what was left out, what had to be assumed."""

    heading_line: int = 0
    bound: dict[str, str] = field(default_factory=dict)  # column -> heading
    unbound: list[str] = field(default_factory=list)  # headings that are no declared column
    ignored: dict[str, int] = field(default_factory=dict)  # kind -> rows
    control_totals: list[ControlTotal] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)  # code -> rows
    notes: list[str] = field(default_factory=list)  # sentences
    dialects: dict[str, str] = field(default_factory=dict)  # column -> decimal mark or order of dates, and why


@dataclass
class Columns:
    """The records of a table, column by column; all arrays have one length."""

    texts: dict[str, pa.Array]
    rows: pa.Array  # of the grid
    numbers: pa.Array  # of the record, from 1
    lines: pa.Array
    problems: dict[int, str]  # by row: why no field of it is trusted
    raw_rows: Callable[[Sequence[int]], list[str]]

    def __len__(self) -> int:
        return len(self.numbers)

    def amounts(self, name: str, start: int = 0, most: int | None = None) -> list[Decimal | None]:
        """A column of plain numbers, or `most` of them from `start` on, as decimals; None for what is none."""
        return [decimal(text) for text in self.texts[name].slice(start, most).to_pylist()]

    def nulls(self) -> pa.Array:
        return pa.nulls(len(self), pa.string())


def key_of(name: str, position: int, heading: Heading) -> str:
    """The column's own name for its first position; further ones are kept beside it until they are settled."""
    return name if position == heading.columns[name][0] else f"{name}@{position}"


def decimal(text: str | None) -> Decimal | None:
    """A plain number as a decimal; None for a text that is none, such as NaN."""
    try:
        number = None if text is None else Decimal(text)
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def raw_rows_of(grid: Grid, heading: Heading, rows: npt.NDArray[np.int64]) -> Callable[[Sequence[int]], list[str]]:
    """The records as they stand in the file, as JSON by heading."""
    names = distinct([heading_text(text) for text in heading.texts])
    names += [f"({number})" for number in range(len(names) + 1, len(grid.columns) + 1)]

    def told(wanted: Sequence[int]) -> list[str]:
        return [raw_row(dict(zip(names, grid.row(rows[index]), strict=False))) for index in wanted]

    return told


def filled(texts: pa.Array) -> pa.Array:
    return pc.is_valid(texts)


def count(mask: pa.Array) -> int:
    """How many are true."""
    return pc.sum(mask).as_py() or 0


def lines_of(mask: pa.Array, lines: pa.Array, most: int = 10) -> str:
    """The first lines for which a mask holds, for messages."""
    found = lines.filter(mask).to_pylist()
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(str, found[:most])) + more
