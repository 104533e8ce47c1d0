"""Big usage and cost files block by block: delimited text parsed by Arrow, and Parquet as it is.

Unpacking and setting right (`blocks`) runs one block ahead of parsing.
"""

import csv
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from recon_assets.sources import blocks
from recon_assets.sources.ahead import ahead
from recon_assets.sources.blocks import Block, IrregularFileError, read_blocks
from recon_assets.sources.records import wrong_width
from recon_assets.sources.unpack import UnpackLimits, open_bytes

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_PARQUET_ROWS = 200_000
Numbers = npt.NDArray[np.int64]
Texts = dict[int, pa.Array]


@dataclass
class Parsed:
    """A block as text: columns by position, and the records that have none, by number: (text, problem).

    Columns of Parquet files may hold numbers and days instead.
    """

    block: Block | None  # None: the file has no lines
    texts: Texts
    rows: int
    unreadable: dict[int, tuple[str, str]]

    @property
    def records(self) -> int:
        return self.rows + len(self.unreadable)

    def numbers(self) -> Numbers:
        """The record number of each row, from 0."""
        return np.delete(np.arange(self.records), list(self.unreadable))


@dataclass
class DelimitedFile:
    """A delimited file whose first line holds the headings; `kinds` are the kinds of the columns that are needed."""

    path: Path
    file: str
    limits: UnpackLimits
    headings: list[str]
    delimiter: str
    kinds: dict[int, str]
    marker: str = field(default_factory=lambda: f"\x02{token_hex(8)}:")

    def blocks(self, positions: set[int]) -> Generator[Parsed, None, None]:
        """The columns at `positions`, block by block; FileProblem and IrregularFileError as `read_blocks`."""
        with open_bytes(self.path, self.file, self.limits) as stream:
            stream.readline()
            read = read_blocks(stream, self.delimiter, len(self.headings), self.marker, blocks.BLOCK)
            with closing(ahead(read)) as whole:
                for block in whole:
                    yield self._parse(block, positions)

    def _parse(self, block: Block, positions: set[int]) -> Parsed:
        names = [f"c{n}" for n in range(len(self.headings))]
        kept = [names[n] for n in sorted(positions)]
        types = {names[n]: pa.string() if self.kinds[n] == "decimal" else DICTIONARY for n in positions}
        unreadable: dict[int, tuple[str, str]] = {}
        blanks: list[int] = []

        def skip(row: arrow_csv.InvalidRow) -> str:
            if not row.text.strip():
                blanks.append(row.number)
            else:
                unreadable[row.number - 1] = self._unreadable(block, row.text)
            return "skip"

        if not block.data:
            return Parsed(block, {n: pa.array([], types[names[n]]) for n in positions}, 0, {})
        try:
            table = arrow_csv.read_csv(
                pa.py_buffer(block.data),
                arrow_csv.ReadOptions(use_threads=False, block_size=len(block.data) + 1, column_names=names),
                arrow_csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=skip),
                arrow_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    null_values=[""],
                    strings_can_be_null=True,
                    include_columns=kept,
                ),
            )
        except pa.ArrowInvalid as error:
            raise IrregularFileError(f"Arrow does not read it ({error})") from error
        if blanks:  # a line of blanks is no record
            return self._parse(Block(_without(block, blanks), block.set_aside, block.has_inner_breaks), positions)
        texts = {n: table[names[n]].combine_chunks() for n in sorted(positions)}
        return Parsed(block, texts, table.num_rows, unreadable)

    def _unreadable(self, block: Block, text: str) -> tuple[str, str]:
        if text in block.set_aside:
            fields, problem = block.set_aside[text]
        else:
            fields = next(csv.reader([text], delimiter=self.delimiter))
            problem = wrong_width(len(fields), len(self.headings))
        return ",".join(fields), problem


@dataclass
class ParquetFile:
    """A Parquet file of texts, decimals and times; IrregularFileError when a needed column is of another kind."""

    path: Path
    headings: list[str]
    kinds: dict[int, str]
    delimiter: str = ","

    def blocks(self, positions: set[int]) -> Generator[Parsed, None, None]:
        try:
            yield from self._blocks(positions)
        except (pa.ArrowException, OSError) as error:
            raise IrregularFileError(f"Arrow does not read it ({error})") from error

    def _blocks(self, positions: set[int]) -> Generator[Parsed, None, None]:
        schema = pq.read_schema(self.path)
        for n in positions:
            if not _is_taken(self.kinds[n], schema.types[n]):
                raise IrregularFileError(f"{self.headings[n]} is {schema.types[n]}")
        texts = [
            self.headings[n] for n in positions if pa.types.is_string(schema.types[n]) and self.kinds[n] != "decimal"
        ]
        wanted = [self.headings[n] for n in sorted(positions)]
        with pq.ParquetFile(self.path, read_dictionary=texts, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                # A reader of its own for each: over row groups it would add one dictionary to the other.
                for batch in file.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=wanted):
                    batch.validate(full=True)  # of texts of a damaged file, that they are UTF-8
                    columns = {n: _compact(_as_day(batch.column(self.headings[n]))) for n in sorted(positions)}
                    yield Parsed(None, columns, batch.num_rows, {})


def _is_taken(kind: str, arrow: pa.DataType) -> bool:
    is_typed = {
        "decimal": pa.types.is_decimal128,
        "date": lambda own: pa.types.is_date32(own) or pa.types.is_timestamp(own),
    }
    return pa.types.is_string(arrow) or (kind in is_typed and is_typed[kind](arrow))


def _as_day(values: pa.Array) -> pa.Array:
    """Instants as their day in UTC, anything else as it is."""
    if not pa.types.is_timestamp(values.type):
        return values
    instants = values.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
    return pa.array(instants.astype("datetime64[D]"), pa.date32())


def _compact(values: pa.Array) -> pa.Array:
    """A dictionary of what these values use, when most of it is of other batches."""
    if not pa.types.is_dictionary(values.type) or len(values.dictionary) <= 2 * len(values):
        return values
    return values.cast(values.type.value_type).dictionary_encode()


def _without(block: Block, numbers: list[int]) -> bytes:
    starts = block.line_starts()
    gone = {number - 1 for number in numbers}
    return b"".join(block.data[starts[n] : starts[n + 1]] for n in range(len(starts) - 1) if n not in gone)
