"""The one converter: blocks of a table as typed rows and rejected rows, written as they come, in bounded memory.

A row is rejected when its record cannot be read, a needed value is missing, or a needed or checked value does not
convert; it is reported with the first such column in the order of the file (spec/warehouse.md, quarantined_rows).
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.catalogue import Column
from recon_assets.catalogue.model import Kind, Owner
from recon_assets.catalogue.raw_tables import LINEAGE
from recon_assets.sources.ahead import ahead
from recon_assets.sources.rules import Rules
from recon_assets.sources.stream import DICTIONARY, Block, Table, distinct, raw_row
from recon_assets.sources.values import DECIMAL, Dialect, Values, is_null, without_none
from recon_assets.sources.written import Rejected, Rejects, Rows

_ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": DICTIONARY, "decimal": DECIMAL, "date": pa.date32(), "timestamp": pa.timestamp("us"), "integer": pa.int32(),
}  # fmt: skip
_LINEAGE_TYPES = {"varchar": DICTIONARY, "bigint": pa.int64(), "timestamp": pa.timestamp("us"), "date": pa.date32()}
_EMPTY = "is empty, and is needed"
_EXPECTED = {
    "decimal": "is not a number (or is a trillion or more)",
    "date": "is not a date; expected YYYY-MM-DD, MM/DD/YYYY or M/D/YYYY H:MM",
    "timestamp": "is not an instant; expected ISO 8601",
    "integer": "is not a whole number",
}
_DAY_FIRST = re.compile(r"(1[3-9]|2\d|3[01])([-/.])(0?[1-9]|1[0-2])\2\d{4}\b")
_SAY_DAY_FIRST = 'a file that writes the day first takes date_order = "day_first" in a profile'
_GOOD, _VALUE = -1, 0  # what is wrong with a row: nothing, a value, or the number of a reason
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """Where the records came from: becomes the lineage columns of every raw row."""

    source: str
    month: str
    file: str
    content_hash: str
    loaded_at: str  # UTC, `YYYY-MM-DD HH:MM:SS.ffffff`


@dataclass(frozen=True)
class Frame:
    """What is known of a table before its rows are read.

    `columns` are declared as this shape of file writes them, `kept` the kinds of those that the raw table keeps
    otherwise (of an instant its day). `bound` is the position of each column that the table has; `constants` hold
    columns whose value is known of the whole file: not bound then, though the file may have them (`left_out`).
    `context` are further columns that the file's place adds. `dialects` tell how columns write numbers and dates that
    do not follow `dialect`.
    """

    columns: tuple[Column, ...]
    bound: dict[str, int]
    origin: Origin
    kept: dict[str, Kind] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    context: dict[str, str | None] = field(default_factory=dict)
    dialects: dict[str, Dialect] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    left_out: frozenset[int] = frozenset()

    def kind_of(self, column: Column) -> Kind:
        """The kind of the raw column."""
        return self.kept.get(column.name, column.kind)

    def dialect_of(self, column: Column) -> Dialect:
        return self.dialects.get(column.name, self.dialect)

    def facts_of_all_rows(self) -> dict[str, str | dt.datetime | dt.date | None]:
        """Columns that have one value throughout the file."""
        origin = self.origin
        return {
            **self.constants,
            **self.context,
            "content_hash": origin.content_hash,
            "loaded_at": dt.datetime.fromisoformat(origin.loaded_at),
            "billing_month": dt.date.fromisoformat(f"{origin.month}-01"),
        }


@dataclass(frozen=True)
class Converted:
    records: int  # read of the table, whatever became of them
    rows: int
    rejected: int
    warnings: dict[str, int]  # values of optional columns that became null, by heading; failed row warnings by name
    duplicates: int = 0  # rejected rows that repeat an earlier one of the same file
    ignored: dict[str, int] = field(default_factory=dict)  # records left out by a named rule
    has_odd_numbers: bool = False  # whether a row was rejected, or a value lost, for what is no number


def convert(
    connection: duckdb.DuckDBPyConnection, table: Table, frame: Frame, rules: Rules, rows: Path, quarantine: Path
) -> Converted:
    """Write the typed rows and the rejected rows of one table as two Parquet files; what was written.

    FileProblem as the table raises it.
    """
    conversion = _Conversion(Values(connection), table, frame, rules)
    written = Rows(rows, conversion.schema)
    rejects = Rejects(quarantine, frame.origin.source, frame.origin.month)
    with closing(written), closing(rejects), closing(ahead(_converted(conversion, table))) as found:
        for good, rejected in found:
            written.write(good)
            rejects.write(rejected)
    warnings = {name: count for name, count in conversion.warnings.items() if count}
    counts = (conversion.records, written.count, rejects.count)
    ignored = dict(conversion.ignored)
    return Converted(*counts, warnings, conversion.repeats, ignored, conversion.has_odd_numbers)


def _converted(conversion: "_Conversion", table: Table) -> Generator[tuple[pa.Table, list[Rejected]], None, None]:
    # Reading, converting and writing take about as long as one another, so each has a thread.
    blocks: Generator[Block, None, None] = ahead(table.blocks(set(conversion.frame.bound.values())))  # type: ignore[arg-type]
    with closing(blocks):
        for block in blocks:
            yield conversion.convert(block)


@dataclass
class _Typed:
    """The values of a block's columns by name, and of those that may fail whether each text was not understood."""

    values: dict[str, pa.Array]
    not_understood: dict[str, npt.NDArray[np.bool_]]


class _Conversion:
    """From a block to typed rows and rejected ones."""

    def __init__(self, values: Values, table: Table, frame: Frame, rules: Rules) -> None:
        self._values, self._table, self._rules = values, table, rules
        self.frame = frame
        self._bound = [(c, frame.bound[c.name]) for c in frame.columns if c.name in frame.bound]
        self._reasons = ["", *(rule.reason for rule in rules.rows), rules.repeats.reason]
        self._rule_places = [frame.bound.get(rule.column, -1) for rule in rules.rows] + [
            frame.bound.get(rules.repeats.column, -1)
        ]
        self.schema = pa.schema(
            [(c.name, self._type_of(c)) for c in frame.columns]
            + [(name, DICTIONARY) for name in frame.context]
            + [(c.name, _LINEAGE_TYPES[c.sql_type]) for c in LINEAGE]
        )
        self._facts = {
            name: pa.scalar(value, _plain(self.schema.field(name).type))
            for name, value in frame.facts_of_all_rows().items()
        }
        self._same: pa.Table | None = None  # columns that say one thing, or nothing, of all rows
        self.warnings: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.repeats = self.records = 0
        self.has_odd_numbers = False
        rules.begin(values.connection)

    def _type_of(self, column: Column) -> pa.DataType:
        """The type of a column; texts that the table does not have need no dictionary, which costs the writer more."""
        kind = _ARROW_TYPES[self.frame.kind_of(column)]
        name = column.aliases[0] if column.heading == "derived" else column.name
        return kind if name in self.frame.bound.keys() | self.frame.constants.keys() else _plain(kind)

    def convert(self, block: Block) -> tuple[pa.Table, list[Rejected]]:
        """The block's typed rows, and its records that are rejected."""
        self.records += len(block.numbers) + len(block.unreadable)
        typed = self._typed(block)
        wrong, places = self._judged(block, typed)
        no_usage = {c.name: pc.fill_null(typed.values[c.name], 0) for c, _ in self._bound if c.value == "usage"}
        rows = self._rows(block, typed.values | no_usage)
        self._apply_rules(rows, wrong, places)
        is_good = wrong == _GOOD
        good = rows if is_good.all() else rows.filter(pa.array(is_good))
        self._warn(block, typed, good, is_good)
        self.ignored.update(block.ignored)
        return good, self._rejected(block, rows, wrong, places)

    def _typed(self, block: Block) -> _Typed:
        found = _Typed({}, {})
        for column, position in self._bound:
            parsed = self._parsed(column, block.texts[position])
            if column.kind != "text":
                found.not_understood[column.name] = is_null(parsed)
            found.values[column.name] = without_none(parsed) if pa.types.is_date(parsed.type) else parsed
        for column in self.frame.columns:
            if column.heading == "derived" and column.aliases[0] in found.values:
                found.values[column.name] = self._values.keys(found.values[column.aliases[0]])
        return found

    def _parsed(self, column: Column, texts: pa.Array) -> pa.Array:
        dialect = self.frame.dialect_of(column)
        match column.kind:
            case "text":
                return self._values.texts(texts)
            case "decimal":
                return self._values.numbers(texts, dialect)
            case "date":
                return self._values.days(texts, dialect)
            case "integer":
                return self._values.integers(texts)
        instants = self._values.instants(texts, dialect)
        return self._values.days(instants, dialect) if self.frame.kind_of(column) == "date" else instants

    def _judged(self, block: Block, typed: _Typed) -> tuple[Numbers, Numbers]:
        """Of each row what is wrong, and the first column that is, in the order of the file."""
        wrong = np.full(len(block.numbers), _GOOD)
        places = np.full(len(block.numbers), -1)
        judged = [(c, n) for c, n in self._bound if c.value != "optional"]
        for column, position in sorted(judged, key=lambda pair: pair[1], reverse=True):
            fails = is_null(typed.values[column.name])
            if column.value == "checked":
                fails = typed.not_understood.get(column.name, fails)
                if fails.any():
                    fails = fails & ~self._is_empty(block, position)
            elif column.value == "usage" and fails.any():
                fails &= ~self._is_empty(block, position) | _is_usage(typed.values["charge_type"])
            if fails.any():
                wrong[fails], places[fails] = _VALUE, position
        return wrong, places

    def _is_empty(self, block: Block, position: int) -> npt.NDArray[np.bool_]:
        return is_null(self._values.texts(block.texts[position]))

    def _rows(self, block: Block, values: dict[str, pa.Array]) -> pa.Table:
        """The declared columns and the lineage; texts are as they came, with a dictionary or without."""
        lineage = {"source_file": self._files(block), "source_row": block.numbers, "source_line": block.lines}
        columns = values | lineage
        count = len(block.numbers)
        if self._same is None or count > len(self._same):
            same = [f for f in self.schema if f.name not in columns]
            self._same = pa.table({f.name: _repeated(self._facts.get(f.name), f.type, count) for f in same})
        columns |= zip(self._same.column_names, self._same.slice(0, count).columns, strict=True)
        return pa.table({f.name: columns[f.name] for f in self.schema})

    def _files(self, block: Block) -> pa.Array:
        """The landed file, and the member or sheet in it."""
        file = self.frame.origin.file + self._table.name
        if block.members is None:
            return _repeated(pa.scalar(file), DICTIONARY, len(block.numbers))
        encoded = block.members.dictionary_encode()
        names = pc.binary_join_element_wise(file, encoded.dictionary, "/")
        return pa.DictionaryArray.from_arrays(encoded.indices, names)

    def _apply_rules(self, rows: pa.Table, wrong: Numbers, places: Numbers) -> None:
        is_good = wrong == _GOOD
        broken = self._rules.broken(self._values.connection, rows)
        if broken is not None:
            hit = is_good & (broken >= 0)
            wrong[hit] = broken[hit] + 1
            places[hit] = np.array(self._rule_places)[broken[hit]]
        repeated = self._rules.repeated(self._values.connection, rows, wrong == _GOOD)
        wrong[repeated], places[repeated] = len(self._reasons) - 1, self._rule_places[-1]
        self.repeats += len(repeated)

    def _warn(self, block: Block, typed: _Typed, good: pa.Table, is_good: npt.NDArray[np.bool_]) -> None:
        for column, position in self._bound:
            if column.value != "optional" or column.name not in typed.not_understood:
                continue
            lost = typed.not_understood[column.name] & is_good
            if lost.any():
                lost &= ~self._is_empty(block, position)
                self.has_odd_numbers |= column.kind == "decimal" and bool(lost.any())
                self.warnings[self._table.headings[position]] += int(lost.sum())
        month = f"date '{self.frame.origin.month}-01'"
        self.warnings.update(self._rules.warned(self._values.connection, good, month))

    def _rejected(self, block: Block, rows: pa.Table, wrong: Numbers, places: Numbers) -> list[Rejected]:
        found = [
            Rejected(self._file_of(record.member), record.number, record.line, None, None, record.problem, record.text)
            for record in block.unreadable
        ]
        bad = [int(row) for row in np.flatnonzero(wrong != _GOOD)]
        raw_rows = self._raw_rows(block, bad) if bad else []
        for row, raw in zip(bad, raw_rows, strict=True):
            place = int(places[row])
            value = _shown(self._values.texts(block.texts[place].slice(row, 1))[0]) if place >= 0 else None
            reason = self._reasons[wrong[row]] if wrong[row] != _VALUE else self._expected(place, value)
            heading = self._table.headings[place] if place >= 0 else None
            file, number, line = (rows[name][row].as_py() for name in ("source_file", "source_row", "source_line"))
            # What repeats another record is there: nothing is lost by it.
            owner = {} if wrong[row] == len(self._reasons) - 1 else self._owner(rows, row)
            found.append(Rejected(file, number, line, heading, value, reason, raw, owner))
        return sorted(found, key=lambda record: (record.file, record.number))

    def _owner(self, rows: pa.Table, row: int) -> dict[Owner, str]:
        """Whose the record is; an empty text where it has nothing there."""
        return {name: rows[column][row].as_py() or "" for name, column in self._rules.owner.items()}

    def _file_of(self, member: str | None) -> str:
        return self.frame.origin.file + self._table.name + ("" if member is None else f"/{member}")

    def _expected(self, place: int, value: str | None) -> str:
        if value is None:
            return _EMPTY
        kind = next(self.frame.kind_of(column) for column, position in self._bound if position == place)
        self.has_odd_numbers |= kind == "decimal"
        expected = _EXPECTED.get(kind, "is not valid")
        is_day_first = kind == "date" and self.frame.dialect.day_first is None and _DAY_FIRST.match(value)
        return f"{expected}; {_SAY_DAY_FIRST}" if is_day_first else expected

    def _raw_rows(self, block: Block, rows: list[int]) -> list[str]:
        if block.raw_rows is not None:
            return block.raw_rows(rows)
        return raw_rows(block, self._table.headings, rows)


def _is_usage(charges: pa.Array) -> npt.NDArray[np.bool_]:
    """Which of these kinds of charge are usage."""
    if pa.types.is_dictionary(charges.type):
        found = pc.equal(pc.utf8_lower(charges.dictionary), "usage").take(charges.indices)
    else:
        found = pc.equal(pc.utf8_lower(charges), "usage")
    return found.fill_null(False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def raw_rows(block: Block, headings: list[str], rows: list[int]) -> list[str]:
    """The records at these rows, of the texts that the block has, as JSON by heading."""
    names = distinct(headings)
    columns = {names[n]: texts.take(pa.array(rows)) for n, texts in sorted(block.texts.items())}
    shown = {name: [_shown(value) for value in column] for name, column in columns.items()}
    return [raw_row({name: values[n] for name, values in shown.items()}) for n in range(len(rows))]


def _shown(value: pa.Scalar) -> str | None:
    """A value of a block as text, as people write it."""
    found = value.as_py()
    if isinstance(found, Decimal):
        return format(found.normalize(), "f")
    return None if found is None else str(found)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _repeated(value: pa.Scalar | None, kind: pa.DataType, count: int) -> pa.Array:
    if value is None or not value.is_valid:
        return pa.nulls(count, kind)
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value.as_py()]))
    return pa.repeat(value, count)
