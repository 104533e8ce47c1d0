"""Delimited lists of the one stream: what the BSS and Microsoft export, with titles and totals as programs add them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.catalogue import SOURCES, columns_of
from recon_assets.errors import FileProblem
from recon_assets.landing.profiles import Profile
from recon_assets.sources.columns import bind_columns, binds
from recon_assets.sources.convert import Frame
from recon_assets.sources.delimited import DelimitedTable, open_delimited
from recon_assets.sources.intake.dates import OrderEvidence
from recon_assets.sources.intake.numbers import Column, Reading, parts_of
from recon_assets.sources.intake.rows import label_of
from recon_assets.sources.stream import Block, Table
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.values import Dialect


@dataclass
class ListedTable:
    """A delimited table without the rows that are no records: those that name none and begin with a label."""

    table: DelimitedTable
    naming: list[int]  # positions of what names a record; none: every row is a record
    name: str = ""
    headings: list[str] = field(init=False)
    heading_line: int = field(init=False)
    delimiter: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.headings, self.heading_line = self.table.headings, self.table.heading_line
        self.delimiter = self.table.delimiter

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        for block in self.table.blocks(positions | set(self.naming)):
            yield self._without_labels(block) if self.naming else block

    def _without_labels(self, block: Block) -> Block:
        unnamed = pc.is_null(block.texts[self.naming[-1]])  # the label may stand in the first naming column itself
        for position in self.naming[1:-1]:
            unnamed = pc.and_(unnamed, pc.is_null(block.texts[position]))
        if not pc.any(unnamed).as_py() or block.raw_rows is None:
            return block
        rows = pc.indices_nonzero(unnamed).to_pylist()
        number = self.headings[self.naming[0]]
        kinds = {row: _kind(json.loads(raw), number) for row, raw in zip(rows, block.raw_rows(rows), strict=True)}
        left_out = {row: kind for row, kind in kinds.items() if kind is not None}
        kept = [row for row in range(len(block.numbers)) if row not in left_out]
        indices, raw_rows = pa.array(kept, pa.int64()), block.raw_rows
        return replace(
            block,
            texts={position: texts.take(indices) for position, texts in block.texts.items()},
            numbers=block.numbers.take(indices),
            lines=block.lines.take(indices),
            raw_rows=lambda wanted: raw_rows([kept[row] for row in wanted]),
            ignored=dict(Counter(block.ignored) + Counter(left_out.values())),
        )


def _kind(record: dict[str, str | None], number: str) -> str | None:
    """Why a row is no record, though the column `number` may hold its label; None for one that is."""
    filled = [(heading, text) for heading, text in record.items() if text and text.strip()]
    if not filled:
        return "blank"
    label = label_of(filled[0][1])
    if label is None or (record.get(number) and filled[0][0] != number):
        return None
    return label.kind if all(parts_of(text) for _, text in filled[1:]) else None


def open_list(
    source: str, path: Path, file: str, limits: UnpackLimits, month: str, profile: Profile | None
) -> tuple[ListedTable, dict[str, int], Dialect, list[str]]:
    """The list, the position of each declared column, how it is written, and what was decided, as sentences."""
    known = SOURCES[source]
    told = profile.columns if profile else {}
    table = open_delimited(path, file, limits, lambda headings: bool(told) or binds(source, headings))
    bound, rivals = bind_columns(source, table.headings, file, told)
    notes = [f"'{table.headings[p]}' fits {name} too and was not read" for name, found in rivals.items() for p in found]
    _require_agreement(source, table, bound, rivals, file)
    naming = [bound[name] for name in known.named_by if name in bound] if known.reader == "bss" else []
    listed = ListedTable(table, naming)
    dialect = Dialect(comma_groups=table.delimiter in (None, ","))
    if known.reader == "bss":
        dialect = _dated(source, listed, bound, dialect, month, profile, file)
    return listed, bound, dialect, notes


def _require_agreement(
    source: str, table: DelimitedTable, bound: Mapping[str, int], rivals: Mapping[str, list[int]], file: str
) -> None:
    """FileProblem when a rival of a number or a date says another than the column that counts."""
    kinds = {column.name: column.kind for column in columns_of(source)}
    for name, found in rivals.items():
        for position in found if kinds[name] != "text" else ():
            for block in table.blocks({bound[name], position}):
                one, other = block.texts[bound[name]], block.texts[position]
                if one.cast(pa.string()).to_pylist() != other.cast(pa.string()).to_pylist():
                    first, second = table.headings[bound[name]], table.headings[position]
                    raise FileProblem(
                        file,
                        f"'{first}' and '{second}' both fit {name}, and their values differ. Say which is meant in a "
                        f'profile, profiles/<name>.toml below the landing root: [columns] "{first}" = "{name}"',
                        column=second,
                        mend={"columns": {first: name}},
                    )


def _dated(
    source: str,
    table: ListedTable,
    bound: Mapping[str, int],
    dialect: Dialect,
    month: str,
    profile: Profile | None,
    file: str,
) -> Dialect:
    """The order of day and month of a list whose dates have one; only the dating column votes for the month."""
    known = SOURCES[source]
    dates = [column.name for column in known.columns if column.kind == "date" and column.name in bound]
    evidence = OrderEvidence()
    positions = {bound[name] for name in dates}
    for block in table.blocks(positions):
        split = [n for n in dates if _has_split(block.texts[bound[n]])]
        for name in split:
            evidence.add(block.texts[bound[name]].cast(pa.string()), month, name == known.dated_by)
        if not split and not evidence.over_twelve and evidence.differing is None:
            break  # a program writes its dates in one way: the first block shows it
    if not evidence.over_twelve and evidence.differing is None:
        return dialect
    decided = evidence.decide(profile.date_order if profile else None)
    if decided is None:
        raise FileProblem(
            file,
            f"dates such as {evidence.differing} can be read day first or month first, and nothing in the file or its "
            f'month tells which. Say it in a profile, profiles/<name>.toml below the landing root: match = ["{file}"] '
            'and date_order = "day_first"',
            column=table.headings[bound[known.dated_by]],
            mend={"date_order": "day_first"},
        )
    return replace(dialect, day_first=decided[0] == "day_first")


def _has_split(texts: pa.Array) -> bool:
    seen = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
    return bool(pc.any(pc.match_substring_regex(seen, r"^\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")).as_py())


def turned(table: Table, frame: Frame) -> Frame | None:
    """The frame with the decimal marks that the values of its columns show; None when a point explains them all.

    Asked when values were not understood: a column keeps its point unless a comma explains all of it (of the BSS: all
    that is a number).
    """
    positions = {c.name: frame.bound[c.name] for c in frame.columns if c.kind == "decimal" and c.name in frame.bound}
    looks = {name: Column(name) for name in positions}
    for block in table.blocks(set(positions.values())):
        for name, position in positions.items():
            texts = block.texts[position]
            if pa.types.is_dictionary(texts.type) or pa.types.is_string(texts.type):
                looks[name].learn(pc.utf8_trim_whitespace(texts.cast(pa.string())))
    keeps_point = {
        name
        for name, look in looks.items()
        if look.readings[Reading.POINT] or (look.unexplained and SOURCES[frame.origin.source].reader != "bss")
    }
    commas = {name for name, look in looks.items() if look.readings[Reading.COMMA]} - keeps_point
    if not commas:
        return None
    has_points = any(look.readings[Reading.POINT] for look in looks.values())
    if not has_points:  # columns that are open follow the file's
        commas |= {name for name, look in looks.items() if look.readings[Reading.OPEN]} - keeps_point
    return replace(
        frame,
        dialects=frame.dialects | {n: replace(frame.dialects.get(n, frame.dialect), decimal_mark=",") for n in commas},
    )
