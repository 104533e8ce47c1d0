"""Landed e-invoices as text records: JSON in any wrapping, XML, CSV, and zips of those.

One record per document. A document that cannot be read is one rejected record; only a damaged file, list or archive
stops the load. What a record is, is told in `myinvois`; what a UBL document holds, in `ubl`.
"""

import io
import itertools
import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import columns_of
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.json_values import BrokenListError, json_values
from recon_assets.sources.myinvois import is_portal_list, record_fields, records_of, spelled
from recon_assets.sources.records import Records, batched, read_csv
from recon_assets.sources.ubl import MAX_DOCUMENT, DocumentProblem, Fields, parse_xml, require_bounded
from recon_assets.sources.unpack import (
    ARCHIVE_ERRORS,
    UnpackLimits,
    is_damage,
    open_bytes,
    require_bounded_archive,
    text_encoding,
)

COLUMNS = [column.name for column in columns_of("einvoices") if column.heading != "derived"]
BOUND = {name: position for position, name in enumerate(COLUMNS)}
_BATCH = 5_000
_SCHEMA = pa.schema(
    [(f"c{n}", pa.string()) for n in range(len(COLUMNS))]
    + [("source_row", pa.int64()), ("problem", pa.string()), ("unreadable", pa.string()), ("member", pa.string())]
)
_BEFORE_TEXT = b"\x00\xef\xbb\xbf\xfe\xff \t\r\n"  # marks of encodings, and blanks
_MOST_SHOWN = 10_000  # characters of what cannot be read
_READ = ("json", "jsonl", "ndjson", "xml", "csv")
_ONLY_LISTS = (
    "this lists documents; land what Get Document gives. A list tells the status of documents, and only those that "
    "are Cancelled or Invalid say something by themselves"
)
# A document's fields, or why it cannot be read and its text; None is metadata, which is ignored.
Document = tuple[Fields, str | None, str | None]
_Row = tuple[str | None, int, Document]


def read_einvoices(path: Path, file: str, limits: UnpackLimits, target: Path) -> tuple[Records, dict[str, int]]:
    """Text records of one landed file and the position of each declared column; FileProblem when it is damaged."""
    kind = _kind(file)
    if kind == "csv":
        records = read_csv(path, file, limits, target)
        bound = bind_columns("einvoices", records.headings, file)
        _respell(target, bound, is_portal_list(records.headings))
        return records, bound
    ignored: Counter[str] = Counter()
    unread: list[str] = []
    if kind == "zip":
        rows = _archive_rows(path, file, limits, ignored, unread)
    else:
        rows = _file_rows(path, file, kind, limits, ignored)
    count = _write(target, rows)
    if not count and ignored["metadata"]:
        raise FileProblem(file, _ONLY_LISTS)
    return Records(target, COLUMNS, True, count, has_members=True, ignored=dict(ignored), unread=unread), BOUND


def _kind(file: str) -> str:
    return file.lower().removesuffix(".gz").rsplit(".", 1)[-1]


def _file_rows(path: Path, file: str, kind: str, limits: UnpackLimits, ignored: Counter[str]) -> Iterator[_Row]:
    with open_bytes(path, file, limits) as stream:
        yield from _rows_of(stream, kind, None, file, ignored)


def _rows_of(stream: IO[bytes], kind: str, member: str | None, name: str, ignored: Counter[str]) -> Iterator[_Row]:
    """The numbered documents of a file or member; FileProblem (of `name`) for a list that breaks off."""
    buffered = io.BufferedReader(stream)  # type: ignore[type-var]
    start = buffered.peek(100)[:100]
    is_xml = start.translate(None, _BEFORE_TEXT).startswith(b"<")
    documents = _xml_documents(buffered) if is_xml else _json_documents(buffered, text_encoding(start), kind != "json")
    try:
        for number, document in enumerate(documents, start=1):
            if document is None:
                ignored["metadata"] += 1
            else:
                yield member, number, document
    except BrokenListError as error:
        raise FileProblem(name, f"{error}; the rest cannot be read. Fetch the file again") from error


def _xml_documents(stream: IO[bytes]) -> Iterator[Document | None]:
    content = stream.read(MAX_DOCUMENT + 1)
    try:
        if len(content) > MAX_DOCUMENT:
            raise DocumentProblem(f"is larger than {MAX_DOCUMENT} bytes")
        value = parse_xml(content)
    except DocumentProblem as problem:
        yield _unreadable(problem, content.decode("utf-8", "backslashreplace"))
        return
    yield from _documents(value, "")


def _json_documents(stream: IO[bytes], encoding: str, by_line: bool) -> Iterator[Document | None]:
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    with io.TextIOWrapper(stream, encoding, errors) as text:
        try:
            for found in json_values(text, by_line):
                if found.problem is not None:
                    yield _unreadable(found.problem, found.text)
                else:
                    yield from _documents(found.value, found.text)
        except UnicodeDecodeError as error:
            yield _unreadable(f"is not valid {error.encoding}", "")


def _documents(value: Any, text: str) -> Iterator[Document | None]:
    """The documents of one value of a file; `text` is what it was read from."""
    try:
        if not text.isascii():
            text.encode()
        records = list(records_of(value))
        if len(records) == 1:
            require_bounded(text)
    except UnicodeEncodeError:
        yield _unreadable("is not valid utf-8", text)
        return
    except (DocumentProblem, RecursionError) as problem:
        yield _unreadable(problem, text)
        return
    for record in records:
        try:
            fields = record_fields(record)
            yield None if fields is None else (fields, None, None)
        except (DocumentProblem, RecursionError) as problem:
            yield _unreadable(problem, text if record is value else json.dumps(record))


def _unreadable(problem: object, text: str) -> Document:
    return {}, f"the document {problem}", text[:_MOST_SHOWN]


def _archive_rows(
    path: Path, file: str, limits: UnpackLimits, ignored: Counter[str], unread: list[str]
) -> Iterator[_Row]:
    """Rows of the members that are read; the names of the others go into `unread`, FileProblem when there are none."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            members = [member for member in archive.infolist() if not _is_hidden(member)]
            unread += [member.filename for member in members if _member_kind(member, file) not in _READ]
            if len(unread) == len(members):
                named = ", ".join(unread[:20]) or "nothing"
                raise FileProblem(file, f"holds no e-invoices as .json, .jsonl, .xml or .csv, but {named}")
            for member in members:
                kind = _member_kind(member, file)
                if kind == "csv":
                    yield from _csv_rows(archive, member, file, limits)
                elif kind in _READ:
                    with archive.open(member) as stream:
                        name = f"{file}/{member.filename}"
                        yield from _rows_of(stream, kind, member.filename, name, ignored)
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the archive is damaged ({error}); fetch it again") from error


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    """Folders, and what programs leave behind beside the files of people."""
    name = member.filename.rsplit("/", 1)[-1]
    return member.is_dir() or name.startswith((".", "~$")) or member.filename.startswith("__MACOSX/")


def _member_kind(member: zipfile.ZipInfo, file: str) -> str:
    kind = member.filename.lower().rsplit(".", 1)[-1]
    if kind == "zip":
        raise FileProblem(file, f"the archive holds another one, {member.filename}; unpack that one first")
    return kind


def _csv_rows(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str, limits: UnpackLimits) -> Iterator[_Row]:
    with tempfile.TemporaryDirectory() as folder:
        text, records_file = Path(folder, "member.csv"), Path(folder, "member.parquet")
        with archive.open(member) as stream, text.open("wb") as copy:
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
        records = read_csv(text, f"{file}/{member.filename}", limits, records_file)
        bound = bind_columns("einvoices", records.headings, f"{file}/{member.filename}")
        _respell(records_file, bound, is_portal_list(records.headings))
        for row in itertools.chain.from_iterable(b.to_pylist() for b in pq.ParquetFile(records_file).iter_batches()):
            fields = {name: row[f"c{position}"] for name, position in bound.items()}
            yield member.filename, row["source_row"], (fields, row["problem"], row["unreadable"])


def _respell(target: Path, bound: dict[str, int], is_portal: bool) -> None:
    """The columns of a list in the spellings of the API, in place."""
    names = {f"c{position}": name for name, position in bound.items()}
    written = target.with_suffix(".spelled")
    source = pq.ParquetFile(target)
    with pq.ParquetWriter(written, source.schema_arrow, compression="zstd", compression_level=1) as writer:
        for batch in source.iter_batches():
            columns = [spelled(names.get(n, ""), batch.column(n), is_portal) for n in batch.schema.names]
            writer.write_batch(pa.record_batch(columns, schema=source.schema_arrow))
    written.replace(target)


def _write(target: Path, rows: Iterator[_Row]) -> int:
    count = 0
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd", compression_level=1) as writer:
        for batch in batched(rows, _text_of, _BATCH):
            shaped = [
                [
                    *(_stored(fields.get(name)) for name in COLUMNS),
                    number,
                    problem,
                    _stored(text),
                    member and _stored(member),
                ]
                for member, number, (fields, problem, text) in batch
            ]
            columns = [list(column) for column in zip(*shaped, strict=True)]
            names = [*COLUMNS, *_SCHEMA.names[len(COLUMNS) :]]
            arrays = [
                spelled(name, pa.array(column, kind.type), False)
                for name, column, kind in zip(names, columns, _SCHEMA, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))
            count += len(batch)
    return count


def _text_of(row: _Row) -> int:
    fields, _, text = row[2]
    return sum(map(len, filter(None, [*fields.values(), text])))


def _stored(text: str | None) -> str | None:
    """Text that Parquet can hold: blanks alone are no value, lone surrogates are written out."""
    if text is None or not text or text.isspace():
        return None
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
