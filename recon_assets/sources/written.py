"""Parquet files of a load: typed rows, several blocks to a row group, and rejected records."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue.model import Owner
from recon_assets.catalogue.raw_tables import OWNER, QUARANTINE

_ROW_GROUP = 131_072  # a row group is held whole, twice: as it is gathered and as it is written


@dataclass(frozen=True)
class Rejected:
    """A rejected record: its file with sheet or member, number and line; the first bad column and its value.

    `owner` is empty where nothing is known of it, or nothing is lost by it.
    """

    file: str
    number: int
    line: int | None
    column: str | None
    value: str | None
    reason: str
    raw_row: str | None
    owner: dict[Owner, str] = field(default_factory=dict)


class Rejects:
    """Rejected records of a source and month, as the table quarantine."""

    def __init__(self, target: Path, source: str, month: str) -> None:
        self._schema = pa.schema([(c.name, pa.int64() if c.sql_type == "bigint" else pa.string()) for c in QUARANTINE])
        self._writer = pq.ParquetWriter(target, self._schema, compression="zstd", store_schema=False)
        self._place = (source, month)
        self.count = 0

    def write(self, records: list[Rejected]) -> None:
        if not records:
            return
        columns = zip(*((*self._place, *_values(record)) for record in records), strict=True)
        arrays = [pa.array(list(column), f.type) for column, f in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self.count += len(records)

    def close(self) -> None:
        self._writer.close()


class Rows:
    """Typed rows of a table. Texts have a dictionary in the file when those of its first block repeat."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self._target, self._schema = target, schema
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self.count = 0

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._begin(table)
        stored = [_stored(table[f.name], f.type) for f in self._schema]
        self._waiting.append(pa.Table.from_arrays(stored, schema=self._schema))
        self.count += table.num_rows
        if sum(waiting.num_rows for waiting in self._waiting) >= _ROW_GROUP:
            self._flush()

    def _begin(self, first: pa.Table) -> None:
        for n, f in enumerate(self._schema):
            if pa.types.is_dictionary(f.type) and not _repeats(first[f.name]):
                self._schema = self._schema.set(n, pa.field(f.name, pa.string()))
        repeating = [f.name for f in self._schema if not pa.types.is_string(f.type)]
        self._writer = pq.ParquetWriter(
            self._target, self._schema, compression="zstd", compression_level=1, store_schema=False,
            use_dictionary=repeating,
        )  # fmt: skip

    def _flush(self) -> None:
        if self._writer is not None and self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).unify_dictionaries())
            self._waiting = []

    def close(self) -> None:
        if self._writer is None:
            self._begin(self._schema.empty_table())
        self._flush()
        assert self._writer is not None
        self._writer.close()


def _values(record: Rejected) -> tuple[str | int | None, ...]:
    what = (record.file, record.number, record.line, record.column, record.value, record.reason, record.raw_row)
    return what + tuple(record.owner.get(column.name) for column in OWNER)  # type: ignore[call-overload]


def _repeats(texts: pa.ChunkedArray) -> bool:
    """Whether a dictionary is worth it; all empty columns have one."""
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    return bool(sum(len(chunk.dictionary) for chunk in encoded.chunks) <= len(texts) // 2 + 1)


def _stored(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    return column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
