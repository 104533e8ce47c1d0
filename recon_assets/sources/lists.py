"""Lists that the BSS and Microsoft export: the fast way for text as programs write it, intake for all others.

Text is regular when nothing of it has to be decided or left out: the heading binds, numbers are plain with a point,
days have one reading, no row is a total. What is not turns up while it is read; then the whole file is read as people's
lists are (`intake`), which gives the same rows for regular text.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.catalogue import SOURCES, Source
from recon_assets.landing.profiles import Profile
from recon_assets.sources.convert import Frame
from recon_assets.sources.delimited import DelimitedTable, open_delimited
from recon_assets.sources.intake import words
from recon_assets.sources.intake.grid import ERROR_VALUES
from recon_assets.sources.intake.headings import Heading, Wanted, bind, heading_currency, require_once
from recon_assets.sources.intake.numbers import Column
from recon_assets.sources.intake.numbers import Reading as Mark
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.rows import label_of
from recon_assets.sources.intake.tables import OpenedLists, open_lists
from recon_assets.sources.intake.workbooks import workbook_kind
from recon_assets.sources.stream import Block, Table, TableOver
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.values import bytes_of

_ODD_BYTES = np.isin(np.arange(256), np.frombuffer(b"0123456789.-", np.uint8), invert=True)
_ISO_DAY = r"^\d{4}-\d{2}-\d{2}([T ].*)?$"
_MONTH_FIRST_DAY = r"^(\d{4}-\d{2}-\d{2}|(0?[1-9]|1[0-2])/\d{1,2}/\d{4})([T ].*)?$"
_OPEN_NUMBER = r"^-?[1-9]\d{0,2}\.\d{3}$"
_DATED = {"bss_invoices": ("invoice_date",), "einvoices": ("issued_at", "document_date")}
_GUARDED = '(?s)^(=".*"|\'.*)$'


class IrregularError(Exception):
    """A list is not as programs write it: it has to be read by intake."""


@dataclass
class RegularTable(TableOver):
    """A delimited table whose values need no decision; IrregularError as soon as one does."""

    table: DelimitedTable
    heading: Heading
    source: Source
    as_lists: Callable[[], OpenedLists]  # the file read by intake

    @property
    def bound(self) -> dict[str, int]:
        """Position of each declared column; of one that is lacking, that of the column which stands in for it."""
        found = {name: positions[0] for name, positions in self.heading.columns.items()}
        stand_ins = {name: found[other] for name, other in self.source.stand_ins.items() if other in found}
        return stand_ins | found

    @property
    def facts(self) -> Facts:
        """What is told of the table; like ListTable's."""
        used = set(self.bound.values())
        rivals = [(n, self.headings[p]) for n, positions in self.heading.rivals.items() for p in positions]
        notes = [f"'{text}' fits {name} too and was not read" for name, text in rivals]
        warnings = {}
        if self.table.assumed:
            warnings["encoding_assumed"] = 1
            notes.append(f"encoding_assumed: the text is not UTF-8 and was read as {self.table.assumed}")
        return Facts(
            self.heading_line,
            {name: self.headings[position] for name, position in self.bound.items()},
            [text for position, text in enumerate(self.headings) if position not in used and text],
            warnings=warnings,
            notes=notes,
        )

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        naming = [self.bound[name] for name in self.source.named_by if name in self.bound]
        kinds = {self.bound[c.name]: c for c in self.source.columns if c.name in self.bound}
        is_microsoft = self.source.dialect == "microsoft"
        days = _MONTH_FIRST_DAY if is_microsoft else _ISO_DAY
        has_point = has_open = is_microsoft
        for block in self.table.blocks(positions | set(naming)):
            _require_names(block, naming)
            for position, texts in block.texts.items():
                column = kinds.get(position)
                if column is None:
                    continue
                seen = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
                if column.kind == "text":
                    _require_plain_texts(seen, column.name == self.source.currency, words.is_id(column.name))
                elif column.kind == "decimal":
                    _require_plain_numbers(seen)
                    if not has_point:
                        found = _shows_point(seen)
                        has_point, has_open = found is True, has_open or found is False
                elif not _all_match(seen, days):
                    raise IrregularError
            yield block
        if has_open and not has_point:
            raise IrregularError


def _require_names(block: Block, naming: list[int]) -> None:
    """IrregularError for a row that names no record: a total, a footer, the heading of a group."""
    unnamed = [pc.is_null(block.texts[position]) for position in naming]
    for column in unnamed:
        if not pc.any(column).as_py() or block.raw_rows is None:
            continue
        for raw in block.raw_rows(pc.indices_nonzero(column).to_pylist()):
            first = next((text for text in json.loads(raw).values() if text), "")
            if label_of(first):
                raise IrregularError


def _require_plain_texts(texts: pa.Array, is_code: bool, is_id: bool) -> None:
    """IrregularError for error values and guards of spreadsheets, ids that were made numbers of, and for words that
    mean a currency."""
    if is_id and pc.any(words.looks_damaged(texts)).as_py():
        raise IrregularError
    marks = _first_bytes(texts)
    if np.isin(marks, np.frombuffer(b"#='", np.uint8)).any() and (
        pc.any(pc.is_in(texts, pa.array(sorted(ERROR_VALUES)))).as_py()
        or pc.any(pc.match_substring_regex(texts, _GUARDED)).as_py()
    ):
        raise IrregularError
    if is_code and any(words.currency(text) != text for text in pc.unique(texts).to_pylist() if text):
        raise IrregularError


def _require_plain_numbers(texts: pa.Array) -> None:
    """IrregularError for what is more than digits, a point and a minus before them."""
    seen = bytes_of(texts)
    points, signs = int((seen == ord(".")).sum()), int((seen == ord("-")).sum())
    if (
        _ODD_BYTES[seen].any()
        or (points and points != _count(pc.match_substring(texts, ".")))
        or (signs and signs != _count(pc.starts_with(texts, "-")))
        or (signs and pc.any(pc.equal(texts, "-")).as_py())
    ):
        raise IrregularError


def _shows_point(texts: pa.Array) -> bool | None:
    """True when a value has a decimal point beyond doubt, False when values may be grouped thousands as well."""
    with_point = texts.filter(pc.fill_null(pc.match_substring(texts, "."), False))
    is_open = pc.match_substring_regex(with_point, _OPEN_NUMBER)
    return None if not len(with_point) else not pc.all(is_open).as_py()


def _count(mask: pa.Array) -> int:
    return pc.sum(mask).as_py() or 0


def _all_match(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.fill_null(pc.match_substring_regex(texts, pattern), True)).as_py())


def _first_bytes(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    starts = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    seen = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    return seen[starts[:-1][starts[:-1] < starts[1:]]]


def open_list(
    source: str, path: Path, file: str, limits: UnpackLimits, month: str, profile: Profile | None
) -> RegularTable | OpenedLists:
    """The file as a regular table, or its lists as intake reads them.

    FileProblem when it is unreadable, or leaves open what decides over its values.
    """
    known = SOURCES[source]
    reading = reading_of(known, month, profile)
    by_intake = partial(open_lists, path, file, limits, reading)
    if workbook_kind(path) is not None or (profile is not None and profile.tells_reading):
        return by_intake()
    wanted = Wanted(reading.columns, stand_ins=reading.stand_ins)
    table = open_delimited(path, file, limits, lambda headings: not wanted.missing(_bind(headings, wanted).columns))
    heading = _bind(table.headings, wanted)
    kinds = {column.name: column.kind for column in known.columns}
    has_open_rivals = any(kinds[name] != "text" for name in heading.rivals)
    has_currency = any(heading_currency(table.headings[at[0]]) for at in heading.columns.values())
    if table.heading_line > 1 or wanted.missing(heading.columns) or has_open_rivals or has_currency:
        return by_intake()
    require_once(heading, file)
    return RegularTable(table, heading, known, by_intake)


def _bind(headings: Sequence[str], wanted: Wanted) -> Heading:
    return bind(0, 0, [[text] for text in headings], wanted)


def reading_of(source: Source, month: str, profile: Profile | None) -> Reading:
    """How a list of the BSS, of Microsoft or of e-invoices is read by intake."""
    is_microsoft = source.dialect == "microsoft"
    texts = frozenset(column.name for column in source.columns if column.kind == "text")
    dated = (profile.month_from,) if profile and profile.month_from else _DATED.get(source.name, ())
    return Reading(
        source.columns,
        month,
        profile,
        named_by=() if is_microsoft else source.named_by,
        dated_by=dated,
        outranked=texts,  # no text of these lists is compared
        default_order="month_first" if is_microsoft else None,
        default_mark="." if is_microsoft else None,
        stand_ins=source.stand_ins,
    )


def turned(table: Table, frame: Frame) -> Frame | None:
    """The frame with the decimal marks that the values of its columns show; None when a point explains them all.

    Asked when numbers were not understood: a column keeps its point unless a comma explains all of it.
    """
    positions = {c.name: frame.bound[c.name] for c in frame.columns if c.kind == "decimal" and c.name in frame.bound}
    looks = {name: Column(name) for name in positions}
    for block in table.blocks(set(positions.values())):
        for name, position in positions.items():
            texts = block.texts[position]
            if pa.types.is_dictionary(texts.type) or pa.types.is_string(texts.type):
                looks[name].learn(pc.utf8_trim_whitespace(texts.cast(pa.string())))
    is_free = table.delimiter not in (None, ",")
    keeps_point = {name for name, look in looks.items() if look.readings[Mark.POINT] or not look.may_turn(is_free)}
    commas = {name for name, look in looks.items() if look.readings[Mark.COMMA]} - keeps_point
    if not commas:
        return None
    has_points = any(look.readings[Mark.POINT] for look in looks.values())
    if not has_points:  # columns that are open follow the file's
        commas |= {name for name, look in looks.items() if look.readings[Mark.OPEN]} - keeps_point
    return replace(
        frame,
        dialects=frame.dialects | {n: replace(frame.dialects.get(n, frame.dialect), decimal_mark=",") for n in commas},
    )
