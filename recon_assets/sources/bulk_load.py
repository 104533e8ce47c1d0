"""Blocks of big usage and cost files as typed rows and rejected rows, written as they come: one pass, bounded memory.

Conversions are the macros of bulk.sql; of a text or a date each spelling is converted once per block. What is rejected,
and why, is as in `bulk_convert`.
"""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recon_assets.catalogue import Column
from recon_assets.catalogue.raw_tables import QUARANTINE
from recon_assets.sources.ahead import ahead
from recon_assets.sources.blocks import Block, IrregularFileError
from recon_assets.sources.bulk_convert import (
    EXPECTED,
    IS_EMPTY,
    NOT_VALID,
    POINT_NUMBERS,
    FileFrame,
    date_macro,
    kind_of,
    marks_shown,
    number_sql,
    shown_marks,
)
from recon_assets.sources.bulk_delimited import DICTIONARY, DelimitedFile, Numbers, ParquetFile, Parsed
from recon_assets.sources.convert import Converted
from recon_assets.sources.records import distinct

_ARROW_TYPES = {"decimal": pa.decimal128(38, 12), "date": pa.date32()}
_QUARANTINE_TYPES = {"bigint": pa.int64()}
_NO_DATES = [dt.date(1, 1, 1), dt.date(9999, 12, 31)]  # as the macro is_no_date
_BOUND = Decimal(999_999_999_999)  # numbers below it are within those of the macro within_bounds
_ROW_GROUP = 200_000
_NO_POSITION = -2  # -1 is the record as a whole
Rejected = tuple[int, str | None, str | None, str, str]  # number, column, value, reason, raw row


class _Rejects:
    """Rejected records of the file, written block by block."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, source: DelimitedFile | ParquetFile, frame: FileFrame, target: Path
    ):
        self._connection, self._source, self._frame = connection, source, frame
        self._schema = pa.schema(
            [(column.name, _QUARANTINE_TYPES.get(column.sql_type, pa.string())) for column in QUARANTINE]
        )
        self._writer = pq.ParquetWriter(target, self._schema, compression="zstd", store_schema=False)
        self._names = distinct(source.headings)
        self._columns = {frame.bound[c.name]: c for c in frame.columns if c.name in frame.bound}
        self.count = 0

    def write(self, parsed: Parsed, positions: Numbers, first: int) -> None:
        """The block's records of no shape, and its rows that have a position of what is wrong."""
        rows = np.flatnonzero(positions != _NO_POSITION)
        if not len(rows) and not parsed.unreadable:
            return
        values = self._values(parsed, rows, positions)
        found: list[Rejected] = [(n, None, None, problem, text) for n, (text, problem) in parsed.unreadable.items()]
        numbers = parsed.numbers()[rows]
        raw_rows = self._raw_rows(parsed.block or Block(b""), parsed.records, numbers)
        for number, place, value, raw in zip(numbers.tolist(), positions[rows].tolist(), values, raw_rows, strict=True):
            reason = IS_EMPTY if value is None else EXPECTED.get(kind_of(self._columns[place]), NOT_VALID)
            found.append((number, self._source.headings[place], value, reason, raw))
        found.sort(key=lambda record: record[0])
        origin = self._frame.origin
        whole = (origin.source, origin.month, origin.file)
        rows_of = [(*whole, first + number + 1, *rest) for number, *rest in found]
        columns = zip(*rows_of, strict=True)
        arrays = [pa.array(column, f.type) for column, f in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self.count += len(found)

    def _values(self, parsed: Parsed, rows: Numbers, positions: Numbers) -> list[str | None]:
        texts = [parsed.texts[int(positions[row])][int(row)].as_py() for row in rows]
        values: list[str | None] = _cleaned(self._connection, pa.array(texts, pa.string())).to_pylist()
        return values

    def _raw_rows(self, block: Block, records: int, numbers: Numbers) -> Iterator[str]:
        if not len(numbers):
            return
        starts = block.line_starts()
        if len(starts) - 1 != records:
            raise IrregularFileError("lines end in different ways")
        for number in numbers:
            line = block.data[starts[number] : starts[number + 1]].decode()
            fields = next(csv.reader(io.StringIO(line, newline=""), delimiter=self._source.delimiter))
            record = {
                name: None if not text or text.isspace() else text
                for name, text in zip(self._names, fields, strict=True)
            }
            yield json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    def close(self) -> None:
        self._writer.close()


class _Rows:
    """Typed rows of the file, several blocks to a row group."""

    def __init__(self, schema: pa.Schema, target: Path) -> None:
        self._writer = pq.ParquetWriter(target, schema, compression="zstd", compression_level=1, store_schema=False)
        self._waiting: list[pa.Table] = []
        self.count = 0

    def write(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self.count += table.num_rows
        if sum(waiting.num_rows for waiting in self._waiting) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).unify_dictionaries())
            self._waiting = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


class _Conversion:
    """From texts of a block to values of the declared columns, and what is wrong with each row."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, frame: FileFrame, marks: str) -> None:
        self._connection, self._frame, self._marks = connection, frame, marks
        self._bound = [(c, frame.bound[c.name]) for c in frame.columns if c.name in frame.bound]
        facts = frame.facts_of_all_rows()
        self.schema = pa.schema(
            [(c.name, _ARROW_TYPES.get(kind_of(c), DICTIONARY)) for c in frame.columns]
            + [(name, DICTIONARY) for name in frame.context]
            + [("source_file", DICTIONARY), ("source_row", pa.int64()), ("content_hash", DICTIONARY)]
            + [("loaded_at", pa.timestamp("us")), ("billing_month", pa.date32())]
        )
        self._facts = {name: pa.scalar(value, _plain(self.schema.field(name).type)) for name, value in facts.items()}

    def values(self, parsed: Parsed) -> dict[str, pa.Array]:
        """The values of the columns that the file has, by name."""
        spelled = {c.name: parsed.texts[n] for c, n in self._bound if kind_of(c) != "decimal"}
        numbers = {c.name: parsed.texts[n] for c, n in self._bound if kind_of(c) == "decimal"}
        found = {c.name: self._spelled(c, spelled[c.name]) for c, _ in self._bound if c.name in spelled}
        typed = {name: _bounded(own) for name, own in numbers.items() if pa.types.is_decimal(own.type)}
        return found | typed | self._numbers({name: own for name, own in numbers.items() if name not in typed})

    def _spelled(self, column: Column, texts: pa.DictionaryArray) -> pa.Array:
        """Each spelling is converted once; days are what they are, unless they stand for none."""
        if not pa.types.is_dictionary(texts.type):
            return pc.if_else(pc.is_in(texts, pa.array(_NO_DATES, pa.date32())), None, texts)
        if kind_of(column) == "date":
            macro = date_macro(column)
            parsed = f"select {macro}(t) as p from (select clean_text(t) as t from texts)"
            sql = f"select case when not is_no_date(p) then p end from ({parsed})"
            return _answer(self._connection, sql, texts.dictionary).take(texts.indices)
        if _are_clean(texts.dictionary):
            return texts
        return _cleaned(self._connection, texts.dictionary).take(texts.indices).dictionary_encode()

    def _numbers(self, texts: dict[str, pa.Array]) -> dict[str, pa.Array]:
        plain = {name: _plain_numbers(own) for name, own in texts.items()} if self._marks == POINT_NUMBERS else {}
        known = {name: numbers for name, numbers in plain.items() if numbers is not None}
        return known | self._spelled_numbers({name: own for name, own in texts.items() if name not in known})

    def _spelled_numbers(self, texts: dict[str, pa.Array]) -> dict[str, pa.Array]:
        if not texts:
            return {}
        cleaned = ", ".join(f"clean_text({name}) as {name}" for name in texts)
        parsed = ", ".join(f"{number_sql(name, self._marks)} as {name}" for name in texts)
        bounded = ", ".join(f"within_bounds({name}) as {name}" for name in texts)
        sql = f"select {bounded} from (select {parsed} from (select {cleaned} from texts))"
        with _registered(self._connection, texts):
            table = self._connection.execute(sql).to_arrow_table()
        return {name: table[name].combine_chunks() for name in texts}

    def positions(self, parsed: Parsed, values: dict[str, pa.Array]) -> Numbers:
        """The first column of each row that is wrong, in the order of the file, or _NO_POSITION."""
        found = np.full(parsed.rows, _NO_POSITION)
        judged = [(c, n) for c, n in self._bound if c.value != "optional"]
        for column, position in sorted(judged, key=lambda pair: pair[1], reverse=True):
            is_null = _is_null(values[column.name])
            if column.value == "checked":
                is_null &= ~_is_null(parsed.texts[position])
            if column.value == "usage":
                is_null &= ~_is_null(parsed.texts[position]) | _is_usage(values["charge_type"])
            found[is_null] = position
        return found

    def table(self, parsed: Parsed, values: dict[str, pa.Array], first: int) -> pa.Table:
        columns = values | {"source_row": pa.array(parsed.numbers() + (first + 1), pa.int64())}
        columns |= {c.name: pc.fill_null(values[c.name], 0) for c, _ in self._bound if c.value == "usage"}
        arrays = [
            columns[f.name] if f.name in columns else _repeated(self._facts.get(f.name), f.type, parsed.rows)
            for f in self.schema
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def load_blocks(
    connection: duckdb.DuckDBPyConnection,
    source: DelimitedFile | ParquetFile,
    frame: FileFrame,
    rows_target: Path,
    quarantine_target: Path,
) -> Converted:
    """Write typed and rejected rows as two Parquet files; errors as `DelimitedFile.blocks`."""
    conversion = _Conversion(connection, frame, _marks(connection, source, frame))
    rows, rejects = _Rows(conversion.schema, rows_target), _Rejects(connection, source, frame, quarantine_target)
    first = 0
    with closing(rows), closing(rejects), closing(ahead(source.blocks(set(frame.bound.values())))) as found:
        for parsed in found:
            values = conversion.values(parsed)
            positions = conversion.positions(parsed, values)
            table = conversion.table(parsed, values, first)
            is_good = positions == _NO_POSITION
            if parsed.block is None and not is_good.all():
                raise IrregularFileError("a record of a file of typed columns is rejected")
            rows.write(table if is_good.all() else table.filter(pa.array(is_good)))
            rejects.write(parsed, positions, first)
            first += parsed.records
    return Converted(rows.count, rejects.count, {})


def _marks(connection: duckdb.DuckDBPyConnection, source: DelimitedFile | ParquetFile, frame: FileFrame) -> str:
    """As `bulk_convert.decimal_marks`; a file that commas delimit need not be read for it."""
    numbers = {frame.bound[c.name] for c in frame.columns if c.kind == "decimal" and c.name in frame.bound}
    if source.delimiter == "," or not numbers:
        return POINT_NUMBERS
    counts = []
    with closing(ahead(source.blocks(numbers))) as found:
        for parsed in found:
            texts = pa.concat_arrays(list(parsed.texts.values()))
            with _registered(connection, {"raw": texts}):
                counts.append(shown_marks(connection, "(select trim(raw) as t from texts)"))
    return marks_shown(counts or [(0, 0)])


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, columns: dict[str, pa.Array]) -> Iterator[None]:
    """The relation `texts` with these columns."""
    connection.register("texts", pa.table(columns))
    yield
    connection.unregister("texts")


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, texts: pa.Array) -> pa.Array:
    """The one column of a query over the column t of `texts`, in its order."""
    with _registered(connection, {"t": texts}):
        return connection.execute(sql).to_arrow_table().column(0).combine_chunks()


def _cleaned(connection: duckdb.DuckDBPyConnection, texts: pa.Array) -> pa.Array:
    return _answer(connection, "select clean_text(t) from texts", texts)


def _are_clean(texts: pa.StringArray) -> bool:
    """Whether clean_text changes none of these: its first case, and no blank to trim."""
    starts = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts):
        return True
    if not (starts[:-1] < starts[1:]).all():  # an empty text, which Parquet files hold
        return False
    seen = np.frombuffer(texts.buffers()[2], np.uint8)
    first, last = seen[starts[:-1]], seen[starts[1:] - 1]
    return bool(((first > 32) & (first < 127) & (last != 32)).all())


def _bounded(numbers: pa.Array) -> pa.Array:
    """Numbers at 12 decimals, rounded half away from zero; IrregularFileError when one is out of bounds."""
    if numbers.type.scale > 12:
        numbers = pc.round(numbers, 12, "half_towards_infinity")
    try:
        found = numbers.cast(pa.decimal128(38, 12))
    except pa.ArrowInvalid as error:
        raise IrregularFileError(f"a number is out of bounds ({error})") from error
    if not _are_within(found):
        raise IrregularFileError("a number is out of bounds")
    return found


def _are_within(numbers: pa.Array) -> bool:
    bounds = pc.min_max(numbers)
    return numbers.null_count == len(numbers) or bool(max(-bounds["min"].as_py(), bounds["max"].as_py()) < _BOUND)


def _plain_numbers(texts: pa.StringArray) -> pa.Array | None:
    """The numbers if Arrow can read all of them (what it reads, the macros read alike) and all are within bounds."""
    for scale in (12, 20):
        try:
            numbers = texts.cast(pa.decimal128(38, scale))
        except pa.ArrowInvalid:
            continue
        if scale > 12:
            numbers = pc.round(numbers, 12, "half_towards_infinity").cast(pa.decimal128(38, 12))
        return numbers if _are_within(numbers) else None
    return None


def _is_null(values: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = values.is_null().to_numpy(zero_copy_only=False)
    return found


def _is_usage(charges: pa.DictionaryArray) -> npt.NDArray[np.bool_]:
    """Which of these kinds of charge are usage."""
    spelled = pc.equal(pc.utf8_lower(charges.dictionary), "usage")
    found: npt.NDArray[np.bool_] = spelled.take(charges.indices).fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _repeated(value: pa.Scalar | None, kind: pa.DataType, count: int) -> pa.Array:
    if value is None or not value.is_valid:
        return pa.nulls(count, kind)
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [value])
    return pa.repeat(value, count)
