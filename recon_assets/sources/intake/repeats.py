"""The same thing landed twice: tables of a source, month and direction compared as multisets of records (intake.md, 8).

A record is a number made of all its typed columns: where its columns and rows stand, and in what format, does not
matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue.raw_tables import LINEAGE

_REWRITTEN = ("_date", "_rate")  # ends of the names of columns that hold days and rates
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Records:
    """The records of one table, as sorted numbers. `group`: tables of one group are compared with one another."""

    path: str  # of the file, with its sheet or member
    hashes: Hashes
    group: str = ""
    is_additive: bool = False  # a profile says that it adds to the others, whatever they hold


@dataclass(frozen=True)
class Repeats:
    """Tables that are contained in another, by path; and why the month cannot be loaded, if so."""

    of: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def record_hashes(rows: Path, quarantine: Path) -> Hashes:
    """A number per record of a converted table, sorted: of all its typed columns, and of rejected records their text.

    Typed values, since the same list as CSV and as a workbook, or with its columns in another order, is one thing.
    """
    found = []
    for path, columns in ((rows, _own_columns(rows)), (quarantine, ["raw_row"])):
        for batch in pq.ParquetFile(path).iter_batches(columns=columns):
            plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns]
            table = pl.from_arrow(pa.table(plain, names=columns))
            found.append(table.hash_rows(seed=1).to_numpy())  # type: ignore[union-attr]
    return np.sort(np.concatenate(found)) if found else np.array([], np.uint64)


def _own_columns(rows: Path) -> list[str]:
    """Without what the place of a record adds, and days and rates that are kept as text: who saves a file again in
    another program writes them otherwise."""
    lineage, schema = {column.name for column in LINEAGE}, pq.read_schema(rows)
    own = [name for name in schema.names if name not in lineage]
    return [name for name in own if not (name.endswith(_REWRITTEN) and _is_text(schema.field(name).type))]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind.value_type if pa.types.is_dictionary(kind) else kind))


def find_repeats(tables: Sequence[Records]) -> Repeats:
    """Which tables are set aside since another holds all their records, and which two share too much to be right."""
    found = Repeats()
    for group in sorted({table.group for table in tables}):
        compared = [t for t in tables if t.group == group and not t.is_additive and len(t.hashes) > 1]
        # The one to be kept comes first: more records, then the shorter path, then by code point.
        compared.sort(key=lambda table: (-len(table.hashes), len(table.path), table.path))
        kept: list[Records] = []
        for table in compared:
            holder = next((other for other in kept if shared(table, other) == len(table.hashes)), None)
            if holder is not None:
                found.of[table.path] = holder.path
                continue
            found.problems.extend(_half_shared(table, kept))
            kept.append(table)
    return found


def _half_shared(table: Records, kept: list[Records]) -> Iterable[str]:
    for other in kept:
        count = shared(table, other)
        if count * 2 >= len(table.hashes):
            yield (
                f"{table.path} and {other.path} share {count} of {len(table.hashes)} records, and neither holds the "
                "other whole: they would count twice. Remove the wrong one, or say additive = true in a profile"
            )


def shared(one: Records, other: Records) -> int:
    """How many records are in both, each as often as in the one that has it less often."""
    values, counts = np.unique(one.hashes, return_counts=True)
    others, other_counts = np.unique(other.hashes, return_counts=True)
    _, mine, theirs = np.intersect1d(values, others, assume_unique=True, return_indices=True)
    return int(np.minimum(counts[mine], other_counts[theirs]).sum())
