"""Parquet files as a table of the stream: decimals, whole numbers, dates and times as they are, the rest as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.errors import FileProblem
from recon_assets.sources.stream import Block
from recon_assets.sources.unpack import is_damage

_ROWS = 200_000
# What a row of a damaged file raises: Arrow's own, and Python's for texts that are not UTF-8.
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError)


@dataclass
class ParquetTable:
    path: Path
    file: str
    headings: list[str]
    name: str = ""
    heading_line: int = 0
    delimiter: str | None = None

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        """Rows batch by batch; FileProblem when the file is damaged."""
        try:
            yield from self._blocks(sorted(positions))
        except _DAMAGE as error:
            raise _damaged(self.file, error) from error

    def _blocks(self, positions: list[int]) -> Iterator[Block]:
        schema = pq.read_schema(self.path)
        wanted = [self.headings[n] for n in positions]
        texts = [self.headings[n] for n in positions if pa.types.is_string(schema.types[n])]
        first = 1
        with pq.ParquetFile(self.path, read_dictionary=texts, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                # A reader of its own for each: over row groups it would add one dictionary to the other.
                for batch in file.iter_batches(_ROWS, row_groups=[group], columns=wanted):
                    batch.validate(full=True)  # of texts of a damaged file, that they are UTF-8
                    columns = {n: _taken(batch.column(self.headings[n])) for n in positions}
                    numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
                    yield Block(columns, numbers, pa.nulls(batch.num_rows, pa.int64()))
                    first += batch.num_rows


def open_parquet(path: Path, file: str) -> ParquetTable:
    """The table of a Parquet file; FileProblem when it is none."""
    try:
        return ParquetTable(path, file, list(pq.read_schema(path).names))
    except _DAMAGE as error:
        raise _damaged(file, error) from error


def _damaged(file: str, error: Exception) -> Exception:
    if not is_damage(error):
        return error
    return FileProblem(file, f"the Parquet file is damaged ({error}); land it again")


def _taken(values: pa.Array) -> pa.Array:
    """What conversions take: texts, decimals, whole numbers, dates and instants; anything else as its text."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _compact(values)
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_string(kind):
        return values
    if pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))
    return values.cast(pa.string())


def _compact(values: pa.Array) -> pa.Array:
    """A dictionary of what these values use, when most of it is of other batches."""
    if len(values.dictionary) <= 2 * len(values):
        return values
    return values.cast(values.type.value_type).dictionary_encode()
