"""The same thing landed twice: tables of a source, month and direction compared as multisets of records (intake.md, 8).

A record is a number made of all its typed columns: where its columns and rows stand, and in what format, does not
matter. Two tables of which one has columns that the other lacks (an older form of the same export) are compared by the
columns of both.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue.raw_tables import LINEAGE

_TOLD_FROM = 20  # a table of so many records shares one of them by chance: more are told
_REWRITTEN = ("_date", "_rate")  # ends of the names of columns that hold days and rates
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Records:
    """The records of one table, as sorted numbers. `group`: tables of one group are compared with one another.

    `files` are its rows and its rejected rows, of which the records are numbered again where another table has other
    columns; without them a table is compared as it is.
    """

    path: str  # of the file, with its sheet or member
    hashes: Hashes
    group: str = ""
    is_additive: bool = False  # a profile says that it adds to the others, whatever they hold
    files: tuple[Path, Path] | None = None
    line: tuple[str, ...] = ()  # columns that say which line of which invoice a record is

    @cached_property
    def columns(self) -> frozenset[str]:
        """Own columns that hold anything."""
        return frozenset(_filled_columns(self.files[0]) if self.files else ())

    @cached_property
    def lines(self) -> Hashes:
        """The records by what they are lines of."""
        return self.by(self.line)

    def by(self, columns: Collection[str]) -> Hashes:
        """The records by some of the columns."""
        return record_hashes(*self.files, columns) if self.files else self.hashes


@dataclass(frozen=True)
class Repeats:
    """Tables that are contained in another, by path; and why the month cannot be loaded, if so."""

    of: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    some: dict[str, dict[str, int]] = field(default_factory=dict)  # fewer records shared: how many with which other
    lines: dict[str, dict[str, int]] = field(default_factory=dict)  # the same lines with other values, likewise


def record_hashes(rows: Path, quarantine: Path, among: Collection[str] | None = None) -> Hashes:
    """A number per record of a converted table, sorted: of all its typed columns (or `among` them), and of rejected
    records their text.

    Typed values, since the same list as CSV and as a workbook, or with its columns in another order, is one thing;
    texts of digits without leading zeros, which a spreadsheet drops.
    """
    found = []
    own = [name for name in _own_columns(rows) if among is None or name in among]
    for path, columns in ((rows, own), (quarantine, ["raw_row"])):
        for batch in pq.ParquetFile(path).iter_batches(columns=columns):
            plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns]
            table = pl.DataFrame(pa.table(plain, names=columns))
            found.append(table.with_columns(cs.string().str.replace(r"^0+(\d+)$", "$1")).hash_rows(seed=1).to_numpy())
    return np.sort(np.concatenate(found)) if found else np.array([], np.uint64)


def _own_columns(rows: Path) -> list[str]:
    """Without what the place of a record adds, and days and rates that are kept as text: who saves a file again in
    another program writes them otherwise."""
    lineage, schema = {column.name for column in LINEAGE}, pq.read_schema(rows)
    own = [name for name in schema.names if name not in lineage]
    return [name for name in own if not (name.endswith(_REWRITTEN) and _is_text(schema.field(name).type))]


def _filled_columns(rows: Path) -> list[str]:
    """The own columns that are not null throughout."""
    filled, file = set(), pq.ParquetFile(rows)
    for group in map(file.metadata.row_group, range(file.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            told = column.statistics
            if told is None or not told.has_null_count or told.null_count < group.num_rows:
                filled.add(column.path_in_schema)
    return [name for name in _own_columns(rows) if name in filled]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind.value_type if pa.types.is_dictionary(kind) else kind))


def find_repeats(tables: Sequence[Records], pages: Records | None = None) -> Repeats:
    """Which tables are set aside since another holds all their records, and which two share too much to be right.

    `pages` are lines that are told apart otherwise, by what they are lines of.
    """
    found = Repeats()
    for group in sorted({table.group for table in tables}):
        compared = [t for t in tables if t.group == group and not t.is_additive and len(t.hashes) > 1]
        # The one to be kept comes first: more records, then more columns, the shorter path, by code point.
        compared.sort(key=lambda table: (-len(table.hashes), -len(table.columns), len(table.path), table.path))
        by_common = _by_common_columns(compared)
        kept: list[Records] = []
        for table in compared:
            counts = {other.path: _shared(table, other, by_common) for other in kept}
            holders = (other for other in kept if counts[other.path] == len(table.hashes))
            # One with columns that the other lacks says more, and nothing of it is left out in silence.
            holder = next((other for other in holders if table.columns <= other.columns), None)
            if holder is not None:
                found.of[table.path] = holder.path
                continue
            for other in kept:
                _tell_shared(found, table, other, counts[other.path])
            if pages is not None:
                _tell_same(found, table, pages.path, pages.hashes)
            kept.append(table)
    return found


def _by_common_columns(tables: Sequence[Records]) -> dict[str, Hashes]:
    """By path the records by the columns that all tables have; none where all have the same."""
    if len({table.columns for table in tables}) < 2:
        return {}
    common = frozenset.intersection(*(table.columns for table in tables))
    return {table.path: table.by(common) for table in tables}


def _shared(table: Records, other: Records, by_common: Mapping[str, Hashes]) -> int:
    """How many records are in both, by the columns that both have."""
    if table.columns == other.columns:
        return shared(table.hashes, other.hashes)
    # By more columns no more are alike: of tables that hold other things each is read once more, not once per pair.
    most = shared(by_common[table.path], by_common[other.path])
    if most * _TOLD_FROM < len(table.hashes):
        return 0
    both = table.columns & other.columns
    return shared(table.by(both), other.by(both))


def _tell_shared(found: Repeats, table: Records, other: Records, count: int) -> None:
    """Note what two tables share: half of the smaller one or more is a problem, a twentieth is told."""
    of = len(table.hashes)
    if count * 2 >= of:
        only = sorted(table.columns ^ other.columns)
        apart = f" by the columns of both (without {', '.join(only)})" if only else ""
        found.problems.append(
            f"{table.path} and {other.path} share {count} of {of} records{apart}, and neither holds the "
            "other whole: they would count twice. Remove the wrong one, or say additive = true in a profile"
        )
        return
    if count > 1 and count * _TOLD_FROM >= of:
        found.some.setdefault(table.path, {})[other.path] = count
    if table.line:
        _tell_same(found, table, other.path, other.lines)


def _tell_same(found: Repeats, table: Records, other: str, lines: Hashes) -> None:
    """Note that half of the lines of a table or more are there in another one, with whatever values."""
    same = shared(table.lines, lines)
    if same * 2 >= len(table.hashes):
        found.lines.setdefault(table.path, {})[other] = same


def shared(one: Hashes, other: Hashes) -> int:
    """How many records are in both, each as often as in the one that has it less often."""
    values, counts = np.unique(one, return_counts=True)
    others, other_counts = np.unique(other, return_counts=True)
    _, mine, theirs = np.intersect1d(values, others, assume_unique=True, return_indices=True)
    return int(np.minimum(counts[mine], other_counts[theirs]).sum())
