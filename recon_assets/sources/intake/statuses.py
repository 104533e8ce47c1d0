"""Rows of a register that are no documents by their status: drafts, cancelled, rejected ones (docs/decisions.md).

A column is one of statuses by its heading and by its values: words, or yes and no under `Cancelled`. A status of
payment, of delivery or of the e-invoice says nothing of whether there is a document.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.errors import FileProblem
from recon_assets.landing.profiles import STATUS, Profile
from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import Heading, loose_key
from recon_assets.sources.intake.numbers import parts_of
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.rows import NOT_ISSUED, Ignored
from recon_assets.sources.intake.words import document_status, flag, status_key

_Kind = Literal["word", "flag", "posted"]
_SHOWN = 5  # rows that are named
_MOST_WORDS = 100  # of a column: more are no statuses but remarks


def _headings(kind: _Kind, names: str) -> dict[str, _Kind]:
    return {loose_key(name.strip()): kind for name in names.split("|")}


_KINDS: dict[str, _Kind] = (
    _headings(
        "word",
        "Status | State | Document Status | Document State | Invoice Status | Invoice State | Bill Status "
        "| Voucher Status | Posting Status | Posting State | Approval Status | Workflow Status | Record Status "
        "| Transaction Status | Entry Status | Credit Note Status | Status Dokumen | Status Invois | Status Bil "
        "| Status Pos | Keadaan | 状态 | 狀態 | 单据状态 | 單據狀態 | 发票状态 | 發票狀態",
    )
    | _headings(
        "flag",
        "Cancelled | Canceled | Cancel | Is Cancelled | Is Canceled | Void | Voided | Is Void | Is Voided | Draft "
        "| Is Draft | Deleted | Rejected | Is Rejected | Batal | Dibatalkan | Draf "
        "| 取消 | 已取消 | 作废 | 已作废 | 作廢 | 已作廢 | 草稿",
    )
    | _headings("posted", "Posted | Is Posted | Dipos | 已过账 | 已過帳")
)
_PLACES = frozenset(map(loose_key, ("State",)))  # also a part of an address


@dataclass(frozen=True)
class _Column:
    """A column of statuses: what each of its values says, None where that is not known."""

    position: int
    heading: str
    says: dict[str, Literal["issued", "not_issued"] | None]


@dataclass
class Statuses:
    """What the columns of statuses say of rows of the grid: by heading and value the rows, with the rows left out."""

    headings: list[str] = field(default_factory=list)
    not_issued: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    unknown: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def ignored(self) -> list[Ignored]:
        rows = {row for found in self.not_issued.values() for row in found}
        return [Ignored(row, NOT_ISSUED) for row in sorted(rows)]

    def tell(self, facts: Facts, lines: pa.Array, totals: Mapping[int, tuple[Decimal, str]]) -> None:
        """Note in the facts what was left out and what is not understood, with where the rows stand (`lines`), their
        totals and currencies."""
        if not self.headings:
            return
        facts.bound[STATUS] = " + ".join(self.headings)
        facts.unbound = [text for text in facts.unbound if text not in self.headings]
        left_out = len(self.ignored)
        if left_out:
            facts.warnings[NOT_ISSUED] = left_out
            facts.notes.append(f"{NOT_ISSUED}: {_listed(self.not_issued, lines, totals)}")
        if self.unknown:
            facts.warnings["unknown_status"] = len({row for found in self.unknown.values() for row in found})
            facts.notes.append(f"unknown_status: {_listed(self.unknown, lines, totals)}")


def _listed(
    found: Mapping[tuple[str, str], list[int]], lines: pa.Array, totals: Mapping[int, tuple[Decimal, str]]
) -> str:
    told = []
    for (heading, value), rows in found.items():
        shown = ", ".join(str(lines[row].as_py()) for row in sorted(rows)[:_SHOWN])
        more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        amounts = _amounts(rows, totals)
        told.append(
            f"'{heading}' is {value} in {len(rows):,} row{'s' * (len(rows) > 1)} ({shown}{more})"
            + (f", {amounts}" if amounts else "")
        )
    return "; ".join(told)


def _amounts(rows: Iterable[int], totals: Mapping[int, tuple[Decimal, str]]) -> str:
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row in totals:
            amount, currency = totals[row]
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return ", ".join(f"{amount:,.2f} {currency}".strip() for currency, amount in sums.items())


def statuses(grid: Grid, heading: Heading, left_out: Collection[int], profile: Profile | None, file: str) -> Statuses:
    """What the statuses of the rows below the heading say, but of those left out already; FileProblem where a profile
    tells of words and there are none.

    A row without a status has that of its document: of lists with a row per item some say it once.
    """
    candidates = _candidates(heading, profile.not_read if profile else ())
    rows = [row for row in range(heading.row + 1, len(grid)) if row not in left_out] if candidates else []
    indices = pa.array(rows, pa.int64())
    told = {status_key(word): what for word, what in (profile.statuses if profile else {}).items()}
    columns = [
        found
        for position, kind in candidates
        if (found := _column(grid.columns[position].take(indices), position, heading.texts[position], kind, told))
    ]
    if told and not columns:
        raise FileProblem(
            file,
            f"its profile {profile.name if profile else ''} says [statuses], and no column of the file holds statuses; "
            f'name it under [columns] "<its heading>" = "{STATUS}", or leave them out',
        )
    if not columns:
        return Statuses()
    result = Statuses([column.heading for column in columns])
    numbers = grid.columns[heading.columns["document_number"][0]].take(indices).to_pylist()
    for column in columns:
        texts = pc.utf8_trim_whitespace(grid.columns[column.position].take(indices)).to_pylist()
        taken_back: dict[str, str] = {}
        for row, text, number in zip(rows, texts, numbers, strict=True):
            if text and column.says[text] is None:
                result.unknown.setdefault((column.heading, text), []).append(row)
            elif text and column.says[text] == NOT_ISSUED:
                result.not_issued.setdefault((column.heading, text), []).append(row)
                taken_back[number or ""] = text
        for row, text, number in zip(rows, texts, numbers, strict=True) if taken_back else ():
            if not text and number and number in taken_back:
                result.not_issued[column.heading, taken_back[number]].append(row)
    gone = {row for found in result.not_issued.values() for row in found}
    left = {key: [row for row in found if row not in gone] for key, found in result.unknown.items()}
    return Statuses(result.headings, result.not_issued, {key: found for key, found in left.items() if found})


def _candidates(heading: Heading, not_read: Collection[str]) -> list[tuple[int, _Kind]]:
    """Columns that may hold statuses by their headings: the one that a profile names, and free ones."""
    named = [*heading.columns.get(STATUS, []), *heading.rivals.get(STATUS, [])]
    used = {position for positions in heading.columns.values() for position in positions}
    left_out = used | set(named) | set(heading.places(not_read))
    found = [(n, kind) for n, text in enumerate(heading.texts) if n not in left_out and (kind := _kind(text))]
    return [(position, _kind(heading.texts[position]) or "word") for position in named] + found


def _kind(text: str) -> _Kind | None:
    return _KINDS.get(loose_key(text)) if text else None


def _column(
    texts: pa.Array, position: int, heading: str, kind: _Kind, told: Mapping[str, Literal["skip", "count"]]
) -> _Column | None:
    """The column with what its values say; None when by its values it holds no statuses."""
    values = [text for text in pc.unique(pc.utf8_trim_whitespace(texts)).drop_null().to_pylist() if text]
    if not values or len(values) > _MOST_WORDS:
        return None
    own = {text: _meaning(text, kind) for text in values}
    known = [text for text in values if own[text] is not None]
    numbers = [text for text in values if parts_of(text) is not None and text != "-"]
    if kind == "word":
        is_place = loose_key(heading) in _PLACES and len(known) * 2 < len(values)
        is_one = len(numbers) < len(values) and not is_place
    else:
        is_one = bool(known) and all(own[text] is not None for text in numbers)
    if not is_one and not any(status_key(text) in told for text in values):
        return None
    says: dict[str, Literal["issued", "not_issued"] | None] = {}
    for text in values:
        what = told.get(status_key(text))
        if what is None and kind != "word" and own[text] == NOT_ISSUED:
            what = told.get(status_key(heading))
        says[text] = own[text] if what is None else "issued" if what == "count" else NOT_ISSUED
    return _Column(position, heading, says)


def _meaning(text: str, kind: _Kind) -> Literal["issued", "not_issued"] | None:
    if kind == "word":
        return "issued" if text == "-" else document_status(text)
    is_set = flag(text)
    if is_set is None:
        return document_status(text)
    return NOT_ISSUED if is_set == (kind == "flag") else "issued"
