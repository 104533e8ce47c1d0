"""The one stream: what every reader of landed files yields, before anything is converted (spec/intake.md, 1).

A table is a file, a member of an archive or a sheet: headings, and below them blocks of records whose columns are still
text. What a reader cannot make fields of is an unreadable record. `convert` types and rejects.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import pyarrow as pa

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
NOT_UTF8 = "the record holds bytes that are not UTF-8; save the file as UTF-8"
_RECORDS = 20_000
_TEXT = 32 << 20  # characters of a block of records, however few they are
T = TypeVar("T")


@dataclass(frozen=True)
class Unreadable:
    """A record of which no field is trusted: its number and line as those of a block's rows, and its text."""

    number: int
    line: int | None
    problem: str
    text: str | None
    member: str | None = None


@dataclass(frozen=True)
class Block:
    """Some records of a table.

    `texts`: columns by position in the headings, as text or a dictionary of texts; null where the field is empty. Typed
    cells may be decimal128, whole numbers, date32 or timestamp. `numbers`: the record of each row, from 1; unreadable
    ones count, what is ignored does not. `lines`: the line of the file or the row of the sheet, from 1; null in formats
    that have none. `members`: of an archive of many small files, the one of each row (numbers count within it).
    `raw_rows`: the records at these rows as they came, as JSON by heading; without it they are made of `texts`.
    `ignored`: records left out by a named rule, counted.
    """

    texts: dict[int, pa.Array]
    numbers: pa.Array
    lines: pa.Array
    unreadable: list[Unreadable] = field(default_factory=list)
    members: pa.Array | None = None
    raw_rows: Callable[[Sequence[int]], list[str]] | None = None
    ignored: dict[str, int] = field(default_factory=dict)


class Table(Protocol):
    """Records below one heading. `name` follows the file's path in source_file: "/member.csv", "#Sheet1" or nothing."""

    @property
    def name(self) -> str: ...

    @property
    def headings(self) -> list[str]: ...

    @property
    def heading_line(self) -> int: ...

    @property
    def delimiter(self) -> str | None:
        """Of delimited text: in files that commas delimit a comma groups thousands."""

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        """The columns at `positions` at least, block by block; may be asked again. FileProblem when it is damaged."""


@dataclass
class TableOver:
    """A table with the headings of another; what becomes of its blocks is the subclass's."""

    table: Table

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def headings(self) -> list[str]:
        return self.table.headings

    @property
    def heading_line(self) -> int:
        return self.table.heading_line

    @property
    def delimiter(self) -> str | None:
        return self.table.delimiter


@dataclass(frozen=True)
class Record:
    """One record of a reader that goes record by record; with a problem no field is trusted, and `text` is kept."""

    fields: Sequence[str | None]
    number: int
    line: int | None = None
    problem: str | None = None
    text: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class Ignored:
    """A record that a named rule leaves out: it has no number, and is counted."""

    rule: str


@dataclass
class RecordTable:
    """A table of records that are made one by one: pages of an API, documents, cells of a sheet."""

    headings: list[str]
    records: Callable[[], Iterator[Record | Ignored]]
    name: str = ""
    heading_line: int = 1
    delimiter: str | None = None

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        for records in batched(self.records(), _text_of, _RECORDS):
            yield _block(records, len(self.headings))


def batched(items: Iterable[T], text_of: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Lists of at most `most` items, and of not much more text than memory has room for."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += text_of(item)
        if len(batch) == most or size >= _TEXT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def spelled_out(text: str) -> str:
    """The text with what UTF-8 cannot hold written out: bytes of another encoding, and lone surrogates of JSON."""
    try:
        encoded = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = text.encode("utf-8", "surrogatepass")
    return encoded.decode("utf-8", "backslashreplace")


def distinct(headings: list[str]) -> list[str]:
    """The headings as names of a struct: none empty, no two that differ by case only."""
    found: list[str] = []
    taken: set[str] = set()
    for number, heading in enumerate(headings, start=1):
        name = heading
        while not name or name.lower() in taken:
            name = f"{name} ({number})"
        taken.add(name.lower())
        found.append(name)
    return found


def raw_row(record: Mapping[str, str | None]) -> str:
    """A record as it is kept of a rejected row: JSON by heading, blank fields null."""
    kept = {name: None if not text or text.isspace() else text for name, text in record.items()}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _text_of(record: Record | Ignored) -> int:
    if isinstance(record, Ignored):
        return 0
    return sum(map(len, filter(None, record.fields))) + len(record.text or "")


def _block(found: list[Record | Ignored], width: int) -> Block:
    records = [record for record in found if isinstance(record, Record)]
    ignored = Counter(record.rule for record in found if isinstance(record, Ignored))
    good = [record for record in records if record.problem is None]
    bad = [record for record in records if record.problem is not None]
    rows = [record.fields for record in good]
    try:
        columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    except UnicodeEncodeError:
        return _block([r if isinstance(r, Ignored) else _decodable(r) for r in found], width)
    if not rows:
        columns = [pa.array([], pa.string())] * width
    has_members = any(record.member is not None for record in records)
    return Block(
        {n: column.dictionary_encode() for n, column in enumerate(columns)},
        pa.array([record.number for record in good], pa.int64()),
        pa.array([record.line for record in good], pa.int64()),
        [Unreadable(r.number, r.line, r.problem or "", _shown(r), _stored(r.member)) for r in bad],
        pa.array([_stored(record.member) for record in good], pa.string()) if has_members else None,
        ignored=dict(ignored),
    )


def _shown(record: Record) -> str | None:
    text = record.text
    return None if text is None else spelled_out(text)


def _stored(text: str | None) -> str | None:
    return None if text is None else spelled_out(text)


def _decodable(record: Record) -> Record:
    """The record with lone surrogates (bytes that are not UTF-8) written out, and that as its problem."""
    shown = [None if field is None else spelled_out(field) for field in record.fields]
    if shown == list(record.fields):
        return record
    text = ",".join(field or "" for field in shown)
    return Record((), record.number, record.line, record.problem or NOT_UTF8, text, record.member)
