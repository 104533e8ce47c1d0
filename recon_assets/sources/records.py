"""Records of a file, every column still text: the step before anything is converted.

A record batch holds the columns c0..cN (text, null where the field is empty), source_row (1-based record after the
header, blank lines not counted) and problem (why the record itself cannot be read, else null).
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.errors import FileProblem
from recon_assets.sources.unpack import UnpackLimits, open_text

_BATCH = 20_000
_BATCH_TEXT = 32 << 20  # characters of a batch, however few records they are
MAX_FIELD = 4 * 1024 * 1024
MAX_COLUMNS = 1000  # the widest export has 120: more is one long line of something else
NOT_UTF8 = "the record holds bytes that are not UTF-8; save the file as UTF-8"
_DELIMITERS = (",", ";", "\t")

T = TypeVar("T")
# One record: its fields, and why it cannot be read, if so.
Record = tuple[list[str | None], str | None]


@dataclass(frozen=True)
class Records:
    """Text records of one file, stored as Parquet at `path`."""

    path: Path
    headings: list[str]
    comma_delimited: bool
    count: int
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    has_members: bool = False  # the Parquet file has a column `member`: path inside an archive; rows count per member
    day_first: bool | None = None  # order of the file's dates, where it was decided; None: spec/sources.md
    decimal_mark: str | None = None  # "." or ",", where it was agreed; None: spec/warehouse.md
    ignored: dict[str, int] = field(default_factory=dict)  # records that are left out by a named rule, by its name
    unread: list[str] = field(default_factory=list)  # members of an archive that are none of the source's


def read_csv(path: Path, file: str, limits: UnpackLimits, target: Path) -> Records:
    """Read a delimited file into `target` as text; FileProblem when it has no header or is damaged."""
    csv.field_size_limit(MAX_FIELD)
    with open_text(path, file, limits) as text:
        try:
            header = text.readline()
            while header and not header.strip():
                header = text.readline()
            if not header.strip():
                raise FileProblem(file, "the file is empty: not even a header row. Land it again, or remove it")
            delimiter = max(_DELIMITERS, key=header.count)
            headings = next(csv.reader([header], delimiter=delimiter, strict=True))
            require_width(len(headings), file)
            count = write_records(target, len(headings), _csv_records(text, delimiter, len(headings), file))
        except UnicodeDecodeError as error:
            raise FileProblem(file, f"the text is not valid {error.encoding}; save it as UTF-8") from error
        except csv.Error as error:
            raise FileProblem(file, f"the header cannot be read ({error})", row=0) from error
    return Records(target, [heading_text(heading) for heading in headings], delimiter == ",", count)


def require_width(width: int, file: str) -> None:
    """FileProblem for more columns than any export has."""
    if width > MAX_COLUMNS:
        raise FileProblem(
            file, f"the header has {width} columns, {MAX_COLUMNS} are allowed; is this the right file?", row=0
        )


def heading_text(heading: str) -> str:
    """A heading as it is shown and quoted in SQL, which no NUL may be in."""
    return spelled_out(heading.strip()).replace("\x00", "\\x00")


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


def _csv_records(text: TextIO, delimiter: str, width: int, file: str) -> Iterator[Record]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    row = 0
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise FileProblem(
                    file, "a quote that opens here is never closed; the file may be cut off", row=row + 1
                ) from error
            row += 1
            yield [], cannot_be_read(error)
            continue
        if is_blank(fields, width):
            continue
        row += 1
        if len(fields) != width:
            yield list(fields), wrong_width(len(fields), width)
        else:
            yield fields, None  # type: ignore[misc]


def is_blank(fields: list[str], width: int) -> bool:
    """Whether these are the fields of a line of blanks, which is no record."""
    return not fields or (len(fields) == 1 and width > 1 and not fields[0].strip())


def wrong_width(found: int, width: int) -> str:
    return f"{found} fields where the header has {width}"


def cannot_be_read(error: csv.Error) -> str:
    return f"the record cannot be read: {error}"


def write_records(target: Path, width: int, records: Iterable[Record], keep_text: bool = False) -> int:
    """Write records with `width` columns to Parquet in batches; the number of records.

    With `keep_text` a readable record carries its own text as one more field, kept in the column unreadable.
    """
    schema = pa.schema(
        [(f"c{n}", pa.string()) for n in range(width)]
        + [("source_row", pa.int64()), ("problem", pa.string()), ("unreadable", pa.string())]
    )
    count = 0
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for batch in batched(records, _text_of, _BATCH):
            writer.write_batch(_batch(batch, width, count + 1, schema, keep_text))
            count += len(batch)
    return count


def _text_of(record: Record) -> int:
    return sum(map(len, filter(None, record[0])))


def batched(items: Iterable[T], text_of: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Lists of at most `most` items, and of not much more text than memory has room for."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += text_of(item)
        if len(batch) == most or size >= _BATCH_TEXT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _batch(
    records: list[Record], width: int, first_row: int, schema: pa.Schema, keep_text: bool = False
) -> pa.RecordBatch:
    unread = [None] * width  # of an unreadable record no field is trusted, its text is kept
    cells = [fields[:width] if problem is None else unread for fields, problem in records]
    columns = [
        [field if field and not field.isspace() else None for field in column] for column in zip(*cells, strict=True)
    ]
    numbers = range(first_row, first_row + len(records))
    problems = [problem for _, problem in records]
    if keep_text:
        texts = [fields[-1] for fields, _ in records]
    else:
        texts = [None if problem is None else ",".join(field or "" for field in fields) for fields, problem in records]
    arrays = [*columns, numbers, problems, texts]
    try:
        return pa.record_batch([pa.array(a, f.type) for a, f in zip(arrays, schema, strict=True)], schema=schema)
    except UnicodeEncodeError:
        return _batch([_decodable(record) for record in records], width, first_row, schema, keep_text)


def _decodable(record: Record) -> Record:
    """The record with lone surrogates (bytes that are not UTF-8) written out, and that as its problem."""
    fields, problem = record
    shown = [None if field is None else spelled_out(field) for field in fields]
    if shown == fields:
        return record
    return shown, problem or NOT_UTF8


def spelled_out(text: str) -> str:
    """The text with what UTF-8 cannot hold written out: bytes of another encoding, and lone surrogates of JSON."""
    try:
        encoded = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = text.encode("utf-8", "surrogatepass")
    return encoded.decode("utf-8", "backslashreplace")
