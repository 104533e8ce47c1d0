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
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import Heading
from recon_assets.sources.intake.numbers import parts_of

_TOTAL_OF = re.compile(r"\W*(?:sub\s*-?\s*)?(?:total|jumlah)(?:\s+(?:for|of|bagi))?[\W_]+(.+)", re.IGNORECASE)
NOT_ISSUED: Literal["not_issued"] = "not_issued"  # kind of the rows that are no documents by their status
CURRENCIES = ("currency_code", "currency")  # columns of them


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
        (re.compile(rf"\W*{row['label']}(?![\w-])", re.IGNORECASE), Label(row["kind"], row["covers"]))
        for row in csv.DictReader(text.splitlines())
    ]


def label_of(text: str) -> Label | None:
    """What a row is whose first filled cell begins so; None for a text that is no label."""
    return next((label for pattern, label in _labels() if pattern.match(text.strip())), None)


def ignored_rows(grid: Grid, heading: Heading, named_by: Sequence[str], skip: Sequence[str] = ()) -> list[Ignored]:
    """The rows below the heading that are no records, in order; without `named_by` only blank ones, repeated headings
    and titles, and those that a profile skips.

    A row without what names a record is one when its first filled cell begins with a label and all others are amounts;
    any other such row is a record, which will be rejected. Amounts may stand before the label of a total, which is
    held against the rows that it covers. The label may stand in a naming column itself. A text alone
    in its row is the heading of a group when a totals row names it (`Contoso`, `Total for Contoso`).
    """
    start = heading.row + 1
    names = [heading.columns[name][0] for name in named_by if name in heading.columns]
    kept = [column.slice(start) for column in grid.columns]
    lines = _Lines(heading, names, [re.compile(pattern, re.IGNORECASE) for pattern in skip], _titles(grid, heading))
    unlike = _all_null(kept)
    for position in names:
        unlike = pc.or_(unlike, pc.is_null(kept[position]))
    above = grid.head(start)
    for position in names or sorted(positions[0] for positions in heading.columns.values())[:1]:
        texts = {heading.texts[position], *((row[position] or "").strip() for row in above if position < len(row))}
        again = pc.is_in(pc.utf8_trim_whitespace(kept[position]), pa.array(sorted(texts - {""}), pa.string()))
        unlike = pc.or_(unlike, again)
    found = []
    alone: dict[int, str] = {}  # rows of one text, which may be the heading of a group
    summed: set[str] = set()  # the groups that totals name
    for offset in range(len(unlike)) if lines.skip else pc.indices_nonzero(unlike).to_pylist():
        if start + offset not in grid.problems:
            cells = grid.row(start + offset)
            kind = lines.kind(cells)
            found += [Ignored(start + offset, *kind)] if kind else []
            filled = [text.strip() for text in cells if text and text.strip()]
            if kind and kind[0] == "subtotal":
                summed |= {of[1] for text in filled if (of := _TOTAL_OF.fullmatch(text))}
            elif kind is None and names and len(filled) == 1:
                alone[start + offset] = filled[0]
    groups = [Ignored(row, "group") for row, text in alone.items() if text in summed]
    return sorted(found + groups, key=lambda item: item.row) if groups else found


def _titles(grid: Grid, heading: Heading) -> set[tuple[str, ...]]:
    """What stands in the rows above the heading: a printed list repeats it on every page."""
    rows = (tuple(text.strip() for text in row if text and text.strip()) for row in grid.head(heading.row + 1))
    return {row for row in rows if row}


@dataclass(frozen=True)
class _Lines:
    """Tells rows that are no records."""

    heading: Heading
    names: list[int]  # positions of what names a record
    skip: list[re.Pattern[str]]
    titles: set[tuple[str, ...]]

    def kind(self, cells: list[str | None]) -> tuple[str, str] | None:
        """Why a row is no record, and what a totals row covers; None for a record."""
        filled = [(position, text.strip()) for position, text in enumerate(cells) if text and text.strip()]
        if not filled:
            return "blank", ""
        if any(pattern.search(text) for pattern in self.skip for _, text in filled):
            return "skipped", ""
        if _repeats_heading(filled, self.heading) or tuple(text for _, text in filled) in self.titles:
            return "heading", ""
        first = next((n for n, (_, text) in enumerate(filled) if not parts_of(text)), 0)
        others = filled[:first] + filled[first + 1 :]
        named = any(position in self.names for position, _ in others)
        label = label_of(filled[first][1]) if self.names and not named else None
        if label is None or (first > 0 and label.kind != "subtotal"):
            return None
        if not all(parts_of(other) or self._is_currency(at, other) for at, other in others):
            return None
        return label.kind, label.covers

    def _is_currency(self, position: int, text: str) -> bool:
        """Whether a cell names the currency of the amounts beside it."""
        places = [at for name in CURRENCIES for at in self.heading.columns.get(name, [])]
        return position in places and len(text) == 3 and text.isalpha()


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
    covers_not_issued: bool = False  # the rows left out by their status are part of the sum

    @property
    def agrees(self) -> bool:
        return round(self.said, 2) == round(self.summed, 2)

    @property
    def said_text(self) -> str:
        return f"{self.said:.{self._decimals}f}"

    @property
    def summed_text(self) -> str:
        return f"{self.summed:.{self._decimals}f}"

    @property
    def _decimals(self) -> int:
        """As many for both as the longer of them needs, and two at least."""
        return max(2, *(-int(value.normalize().as_tuple().exponent) for value in (self.said, self.summed)))


@dataclass
class _Sums:
    """The sum of the rows so far, and what it was at each total."""

    overall: Decimal = Decimal(0)
    before: list[Decimal] = field(default_factory=lambda: [Decimal(0)])

    def nearest(self, covers: str, said: Decimal) -> Decimal:
        """Of the sums that a total may cover the one that agrees, else the likeliest."""
        since = [self.overall] if covers == "all" else [self.overall - earlier for earlier in reversed(self.before)]
        nearest = since[0] if covers == "since_last" else self.overall
        return next((total for total in since if round(total, 2) == round(said, 2)), nearest)


def control_totals(
    ignored: list[Ignored], lines: list[int], amounts: dict[str, list[Decimal | None]]
) -> list[ControlTotal]:
    """What every totals row says and what the rows that it covers add up to, by column.

    `amounts` hold a value per row below the heading, those of totals rows included; `lines` where each stands. A total
    covers all rows, or those since the last total, or, where groups stand in groups, since an earlier one: whichever
    agrees. It may count the rows that are left out by their status, or not.
    """
    skipped = {item.row: item for item in ignored}
    found = []
    for column, values in amounts.items():
        issued, every = _Sums(), _Sums()
        for row, value in enumerate(values):
            item = skipped.get(row)
            if item is None:
                issued.overall += value or 0
            if item is None or item.kind == NOT_ISSUED:
                every.overall += value or 0
            elif item.kind == "subtotal":
                if value is not None:
                    summed, all_summed = issued.nearest(item.covers, value), every.nearest(item.covers, value)
                    is_every = round(summed, 2) != round(value, 2) == round(all_summed, 2)
                    found.append(ControlTotal(lines[row], column, value, all_summed if is_every else summed, is_every))
                issued.before.append(issued.overall)
                every.before.append(every.overall)
    return sorted(found, key=lambda total: total.line)


def count_kinds(ignored: list[Ignored]) -> dict[str, int]:
    """How many rows of each kind were ignored."""
    return dict(sorted(Counter(item.kind for item in ignored).items()))
