"""Registers and other lists of documents as tables of the one stream: text files, and every sheet of a workbook."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import NoHeading
from recon_assets.sources.intake.prepared import Columns, Facts
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.registers import prepare
from recon_assets.sources.intake.texts import read_text
from recon_assets.sources.intake.workbooks import read_workbook, workbook_kind
from recon_assets.sources.stream import Block, Unreadable, spelled_out
from recon_assets.sources.unpack import UnpackLimits

_ROWS = 50_000


@dataclass
class ListTable:
    """A list whose columns are found and whose texts are plain: numbers have a point, days are ISO."""

    name: str  # "#Sheet" of a workbook
    headings: list[str]
    heading_line: int
    columns: Columns
    facts: Facts
    delimiter: str | None = None

    @property
    def bound(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.columns.texts)}

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        names = list(self.columns.texts)
        for start in range(0, max(len(self.columns), 1), _ROWS):
            yield self._block(names, start, min(start + _ROWS, len(self.columns)))

    def _block(self, names: list[str], start: int, end: int) -> Block:
        bad = [row for row in range(start, end) if row in self.columns.problems] if self.columns.problems else []
        rows = [row for row in range(start, end) if row not in self.columns.problems] if bad else range(start, end)

        def of(column: pa.Array) -> pa.Array:
            return column.take(pa.array(rows, pa.int64())) if bad else column.slice(start, end - start)

        raw = self.columns.raw_rows
        unreadable = [
            Unreadable(
                self.columns.numbers[row].as_py(),
                self.columns.lines[row].as_py(),
                self.columns.problems[row],
                raw([row])[0],
            )
            for row in bad
        ]
        return Block(
            {n: of(self.columns.texts[name]) for n, name in enumerate(names)},
            of(self.columns.numbers),
            of(self.columns.lines),
            unreadable,
            raw_rows=lambda wanted: raw([rows[index] for index in wanted]),
        )


@dataclass(frozen=True)
class OpenedLists:
    """The lists of one file, and what of it is not read: name, as in source_file, and why."""

    tables: list[ListTable]
    unread: dict[str, str] = field(default_factory=dict)


def open_lists(path: Path, file: str, limits: UnpackLimits, reading: Reading) -> OpenedLists:
    """The lists of a landed file, told by its content; FileProblem when none is found, or one cannot be told."""
    profile = reading.profile
    kind = workbook_kind(path)
    if kind is None:
        text = read_text(path, file, limits, profile.encoding if profile else None)
        table = _table(text.grid, file, reading)
        if text.encoding.assumed:
            table.facts.warnings["encoding_assumed"] = 1
            table.facts.notes.append(f"encoding_assumed: the text is not UTF-8 and was read as {text.encoding.assumed}")
        return OpenedLists([replace(table, delimiter=text.delimiter)])
    grids = read_workbook(path, file, kind, limits)
    wanted = [grid for grid in grids if profile is None or profile.sheet in (None, grid.name)]
    unread = {_suffix(g): "the profile names another sheet" for g in grids if all(g is not w for w in wanted)}
    return _open_sheets(wanted, unread, file, reading)


def _open_sheets(grids: list[Grid], unread: dict[str, str], file: str, reading: Reading) -> OpenedLists:
    tables, problems = [], []
    named = reading.profile.sheet if reading.profile else None
    for grid in grids:
        if grid.is_hidden and grid.name != named:
            unread[_suffix(grid)] = "the sheet is hidden"
            continue
        try:
            tables.append(_table(grid, f"{file}{_suffix(grid)}", reading))
        except NoHeading as problem:
            problems.append(problem)
            unread[_suffix(grid)] = f"no heading was found: {problem.missing} missing"
    if not tables:
        if problems:
            raise max(problems, key=lambda problem: problem.bound)
        raise FileProblem(file, "the workbook has no visible sheet with content; land it again, or remove it")
    if unread:
        tables[0].facts.warnings["unread_sheets"] = len(unread)
    return OpenedLists(tables, unread)


def _suffix(grid: Grid) -> str:
    return f"#{spelled_out(grid.name)}" if grid.name else ""


def _table(grid: Grid, file: str, reading: Reading) -> ListTable:
    columns, facts = prepare(grid, file, reading)
    headings = [facts.bound.get(name, name) for name in columns.texts]
    return ListTable(_suffix(grid), headings, facts.heading_line, columns, facts)
