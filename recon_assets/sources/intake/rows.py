"""Rows below a heading that are no records: blank ones, totals, footers, headings of groups (spec/intake.md, 2).

A totals row is a control total: what it says is compared with the sum of the rows that it covers.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import Heading
from recon_assets.sources.intake.numbers import parts_of


@dataclass(frozen=True)
class Label:
    kind: str  # subtotal, footer or group
    covers: str  # of totals: since_last, all or either


@dataclass(frozen=True)
class Ignored:
    """A row that is no record: its index in the grid, why, and of totals what it covers."""

    row: int
    kind: str
    covers: str = ""


@cache
def _labels() -> list[tuple[re.Pattern[str], Label]]:
    text = files("recon_assets.sources.intake").joinpath("labels.csv").read_text(encoding="utf-8")
    return [
        (re.compile(rf"\W*{row['label']}\b(?!-)", re.IGNORECASE), Label(row["kind"], row["covers"]))
        for row in csv.DictReader(text.splitlines())
    ]


def label_of(text: str) -> Label | None:
    """What a row is whose first filled cell begins so; None for a text that is no label."""
    return next((label for pattern, label in _labels() if pattern.match(text.strip())), None)


def ignored_rows(grid: Grid, heading: Heading, named_by: Sequence[str], skip: Sequence[str] = ()) -> list[Ignored]:
    """The rows below the heading that are no records, in order.

    A row without what names a record is one when its first filled cell begins with a label and all others are amounts;
    any other such row is a record, which will be rejected. The label may stand in the naming column itself.
    """
    start = heading.row + 1
    names = [heading.columns[name][0] for name in named_by if name in heading.columns]
    kept = [column.slice(start) for column in grid.columns]
    is_blank = _all_null(kept)
    is_unnamed = _all_null([kept[position] for position in names[1:]]) if names[1:] else pc.is_null(kept[names[0]])
    again = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(kept[names[0]]), heading.texts[names[0]]), False)
    patterns = [re.compile(pattern, re.IGNORECASE) for pattern in skip]
    unlike = pc.or_(pc.or_(is_blank, is_unnamed), again)
    found = []
    for offset in range(len(unlike)) if patterns else pc.indices_nonzero(unlike).to_pylist():
        if is_blank[offset].as_py():
            found.append(Ignored(start + offset, "blank"))
        elif start + offset not in grid.problems:
            kind = _kind(grid.row(start + offset), heading, names, patterns, is_unnamed[offset].as_py())
            found += [Ignored(start + offset, *kind)] if kind else []
    return found


def _kind(
    cells: list[str | None], heading: Heading, names: list[int], patterns: list[re.Pattern[str]], is_unnamed: bool
) -> tuple[str, str] | None:
    """Why a row is no record, and what a totals row covers; None for a record."""
    filled = [(position, text.strip()) for position, text in enumerate(cells) if text and text.strip()]
    if any(pattern.search(text) for pattern in patterns for _, text in filled):
        return "skipped", ""
    if _repeats_heading(filled, heading):
        return "heading", ""
    first, text = filled[0]
    label = label_of(text)
    has_number = cells[names[0]] is not None and first != names[0]
    if label is None or has_number or not is_unnamed:
        return None
    return (label.kind, label.covers) if all(parts_of(other) for _, other in filled[1:]) else None


def _repeats_heading(filled: list[tuple[int, str]], heading: Heading) -> bool:
    """Whether the row is the heading again, as on every page of a printed list."""
    texts = heading.texts
    return len(filled) > 1 and all(p < len(texts) and " ".join(t.split()) == texts[p] for p, t in filled)


def _all_null(columns: list[pa.Array]) -> pa.Array:
    found = pc.is_null(columns[0])
    for column in columns[1:]:
        found = pc.and_(found, pc.is_null(column))
    return found


@dataclass
class ControlTotal:
    """A totals row: what it says of a column and what its rows add up to."""

    line: int
    column: str
    said: Decimal
    summed: Decimal

    @property
    def agrees(self) -> bool:
        return round(self.said, 2) == round(self.summed, 2)


@dataclass
class ControlTotals:
    totals: list[ControlTotal] = field(default_factory=list)

    @property
    def disagreeing(self) -> list[ControlTotal]:
        return [total for total in self.totals if not total.agrees]


def control_totals(
    ignored: list[Ignored], lines: list[int], amounts: dict[str, list[Decimal | None]]
) -> list[ControlTotal]:
    """What every totals row says and what the rows that it covers add up to, by column.

    `amounts` hold a value per row below the heading, those of totals rows included; `lines` where each stands. A plain
    "Total" covers the rows since the last total or all of them: whichever agrees.
    """
    skipped = {item.row: item for item in ignored}
    found = []
    for column, values in amounts.items():
        since_last = overall = Decimal(0)
        for row, value in enumerate(values):
            item = skipped.get(row)
            if item is None:
                since_last += value or 0
                overall += value or 0
            elif item.kind == "subtotal":
                if value is not None:
                    summed = _covered(item.covers, value, since_last, overall)
                    found.append(ControlTotal(lines[row], column, value, summed))
                since_last = Decimal(0)
    return sorted(found, key=lambda total: total.line)


def _covered(covers: str, said: Decimal, since_last: Decimal, overall: Decimal) -> Decimal:
    if covers == "all":
        return overall
    if covers == "since_last":
        return since_last
    return since_last if round(since_last, 2) == round(said, 2) else overall


def count_kinds(ignored: list[Ignored]) -> dict[str, int]:
    """How many rows of each kind were ignored."""
    return dict(sorted(Counter(item.kind for item in ignored).items()))
