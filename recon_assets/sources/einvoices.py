"""Landed e-invoices as a table of the stream: JSON in any wrapping, XML, CSV, and zips of those.

One record per document. A document that cannot be read is one rejected record; only a damaged file, list or archive
stops the load. What a record is, is told in `myinvois`; what a UBL document holds, in `ubl`.
"""

import gc
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, TextIO

from recon_assets.catalogue import columns_of
from recon_assets.errors import FileProblem
from recon_assets.sources.einvoice_lines import NOTHING, Behind, PlainLines, Reached
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.tables import ListTable, OpenedLists, open_lists
from recon_assets.sources.json_values import BrokenListError, json_values
from recon_assets.sources.members import is_hidden_member
from recon_assets.sources.myinvois import is_portal_list, record_fields, records_of, spelled
from recon_assets.sources.stream import Block, Ignored, Record, RecordTable, Table, TableOver
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
_BEFORE_TEXT = b"\x00\xef\xbb\xbf\xfe\xff \t\r\n"  # marks of encodings, and blanks
_SMALL = 1 << 20  # bytes of a member that is read at once
_MOST_SHOWN = 10_000  # characters of what cannot be read
_DOCUMENTS = ("json", "jsonl", "ndjson", "xml")
_LINES = ("jsonl", "ndjson")
_ONLY_LISTS = (
    "this lists documents; land what Get Document gives. A list tells the status of documents, and only those that "
    "are Cancelled or Invalid say something by themselves"
)
# The line where a document begins, its fields, and why it cannot be read with its text, if so; or metadata, ignored.
Document = tuple[int | None, Fields, str | None, str | None]
_METADATA = Ignored("metadata")
_PORTAL_MINUTES = 8 * 60  # the portal's lists are in Malaysia's time and do not say so


@dataclass
class SpelledTable(TableOver):
    """A table whose columns `names` are in the spellings of the API."""

    names: dict[int, str]

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        for block in self.table.blocks(positions):
            texts = {n: spelled(self.names.get(n, ""), column) for n, column in block.texts.items()}
            yield replace(block, texts=texts)


@dataclass(frozen=True)
class EInvoiceFile:
    """One landed file: its documents, its lists, each with the minutes of the zone of times that name none, and what is
    not read: name, as in source_file, and why."""

    documents: Table | None = None
    lists: list[tuple[ListTable, int]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def open_einvoices(path: Path, file: str, limits: UnpackLimits, reading: Reading) -> EInvoiceFile:
    """What one landed file holds; FileProblem when it is damaged. `reading` is for lists, such as the portal's."""
    kind = _kind(file)
    if kind == "zip":
        return _open_archive(path, file, limits, reading)
    if kind not in _DOCUMENTS:
        return _opened_lists(open_lists(path, file, limits, reading))
    if kind in _LINES:
        return EInvoiceFile(_spelled(_LinesTable(path, file, limits)))
    records = partial(_file_records, path, file, limits, kind)
    return EInvoiceFile(_documents_table(records, file))


def _documents_table(read: Callable[[], Iterator[Record | Ignored]], file: str) -> Table:
    return _spelled(RecordTable(COLUMNS, partial(_not_only_lists, read, file)))


def _spelled(table: Table) -> Table:
    return SpelledTable(table, {position: name for name, position in BOUND.items()})


@dataclass
class _LinesTable:
    """JSON Lines: records in declared columns as Arrow reads them; from where there is something else, one by one."""

    path: Path
    file: str
    limits: UnpackLimits
    name: str = ""
    heading_line: int = 1
    delimiter: str | None = None

    @property
    def headings(self) -> list[str]:
        return COLUMNS

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        plain, read = PlainLines(BOUND), NOTHING
        with open_bytes(self.path, self.file, self.limits) as stream:
            while piece := plain.piece(stream):
                block = plain.block(piece, read.records + 1, read.lines + 1)
                if block is None:
                    break
                yield block
                read = Reached(read.records + len(block.numbers), read.lines + piece.count(b"\n"))
            rest = partial(_records_of, Behind(piece, stream), "jsonl", None, self.file, read)
            records = partial(_not_only_lists, rest, self.file, has_records=read.records > 0)
            yield from RecordTable(COLUMNS, records).blocks(positions)


def _opened_lists(opened: OpenedLists, member: str = "") -> EInvoiceFile:
    """The lists of a file or member; times of the portal's are Malaysia's."""
    lists = []
    for table in opened.tables:
        is_portal = is_portal_list([*table.facts.bound.values(), *table.facts.unbound])
        lists.append((replace(table, name=member + table.name), _PORTAL_MINUTES if is_portal else 0))
    return EInvoiceFile(None, lists, {member + name: why for name, why in opened.unread.items()})


def _open_archive(path: Path, file: str, limits: UnpackLimits, reading: Reading) -> EInvoiceFile:
    """Documents and lists of a zip; FileProblem when it holds neither."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            members = [member for member in archive.infolist() if not is_hidden_member(member)]
            kinds = {member.filename: _member_kind(member, file) for member in members}
            if not any(kind in (*_DOCUMENTS, "csv") for kind in kinds.values()):
                named = ", ".join(list(kinds)[:20]) or "nothing"
                raise FileProblem(file, f"holds no e-invoices as .json, .jsonl, .xml or .csv, but {named}")
            lists = [_member_lists(archive, m, file, limits, reading) for m in members if kinds[m.filename] == "csv"]
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the archive is damaged ({error}); fetch it again") from error
    unread = {
        f"/{name}": "no e-invoice by its name" for name, kind in kinds.items() if kind not in (*_DOCUMENTS, "csv")
    }
    unread |= {name: why for found in lists for name, why in found.unread.items()}
    has_documents = any(kind in _DOCUMENTS for kind in kinds.values())
    documents = _documents_table(partial(_archive_records, path, file, limits), file) if has_documents else None
    return EInvoiceFile(documents, [table for found in lists for table in found.lists], unread)


def _member_lists(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str, limits: UnpackLimits, reading: Reading
) -> EInvoiceFile:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "member.csv")
        with archive.open(member) as stream, text.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        name = f"/{member.filename}"
        return _opened_lists(open_lists(text, file + name, limits, reading), name)


def _not_only_lists(
    read: Callable[[], Iterator[Record | Ignored]], file: str, has_records: bool = False
) -> Iterator[Record | Ignored]:
    """The records; FileProblem at the end when all that there is is metadata, unless records were before."""
    has_metadata = False
    with _paused_collector():
        for record in read():
            has_records |= isinstance(record, Record)
            has_metadata |= isinstance(record, Ignored)
            yield record
    if has_metadata and not has_records:
        raise FileProblem(file, _ONLY_LISTS)


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Without looking for garbage in cycles: documents have none, and three quarters of the time went into it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _kind(file: str) -> str:
    return file.lower().removesuffix(".gz").rsplit(".", 1)[-1]


def _file_records(path: Path, file: str, limits: UnpackLimits, kind: str) -> Iterator[Record | Ignored]:
    with open_bytes(path, file, limits) as stream:
        yield from _records_of(stream, kind, None, file)


def _records_of(
    stream: IO[bytes] | Behind, kind: str, member: str | None, name: str, read: Reached = NOTHING
) -> Iterator[Record | Ignored]:
    """The numbered documents of a file or member; FileProblem (of `name`) for a list that breaks off.

    `read`: how far the file was read before, as JSON Lines.
    """
    opened = stream if isinstance(stream, io.BytesIO) else io.BufferedReader(stream)  # type: ignore[type-var]
    start = opened.getvalue()[:100] if isinstance(opened, io.BytesIO) else opened.peek(100)[:100]
    begins = start.translate(None, _BEFORE_TEXT)
    is_xml = begins.startswith(b"<") or (kind == "xml" and not begins.startswith((b"{", b"[")))
    if is_xml and not read.records:
        documents = _xml_documents(opened)
    else:
        encoding = "utf-8-sig" if read.records else text_encoding(start)
        documents = _json_documents(opened, encoding, kind != "json", read.lines + 1)
    try:
        for number, document in enumerate(documents, start=read.records + 1):
            yield _METADATA if document is None else _record(document, number, member)
    except BrokenListError as error:
        raise FileProblem(name, f"{error}; the rest cannot be read. Fetch the file again") from error


def _record(document: Document, number: int, member: str | None) -> Record:
    line, fields, problem, text = document
    return Record([_filled(fields.get(name)) for name in COLUMNS], number, line, problem, text, member)


def _filled(text: str | None) -> str | None:
    return None if text is None or not text or text.isspace() else text


def _xml_documents(stream: IO[bytes]) -> Iterator[Document | None]:
    content = stream.read(MAX_DOCUMENT + 1)
    try:
        if len(content) > MAX_DOCUMENT:
            raise DocumentProblem(f"is larger than {MAX_DOCUMENT} bytes")
        value = parse_xml(content)
    except DocumentProblem as problem:
        yield _unreadable(1, problem, content.decode("utf-8", "backslashreplace"))
        return
    yield from _documents(1, value, "")


def _json_documents(stream: IO[bytes], encoding: str, by_line: bool, line: int) -> Iterator[Document | None]:
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    try:
        with _text_of(stream, encoding, errors) as text:
            for found in json_values(text, by_line, line):
                if found.problem is not None:
                    yield _unreadable(found.line, found.problem, found.text)
                else:
                    yield from _documents(found.line, found.value, found.text)
    except UnicodeDecodeError as error:
        yield _unreadable(None, f"is not valid {error.encoding}", "")


def _text_of(stream: IO[bytes], encoding: str, errors: str) -> TextIO:
    """The text of a stream; of one that is whole in memory at once, as most documents are small and many."""
    if isinstance(stream, io.BytesIO):
        return io.StringIO(stream.getvalue().decode(encoding, errors))
    return io.TextIOWrapper(stream, encoding, errors)


def _documents(line: int, value: Any, text: str) -> Iterator[Document | None]:
    """The documents of one value of a file; `text` is what it was read from."""
    try:
        if not text.isascii():
            text.encode()
        records = list(records_of(value))
        if len(records) == 1 or (isinstance(value, dict) and "Invoice" in value):  # one document, or a bare one's list
            require_bounded(text)
    except UnicodeEncodeError:
        yield _unreadable(line, "is not valid utf-8", text)
        return
    except (DocumentProblem, RecursionError) as problem:
        yield _unreadable(line, problem, text)
        return
    for record in records:
        try:
            fields = record_fields(record)
            yield None if fields is None else (line, fields, None, None)
        except (DocumentProblem, RecursionError) as problem:
            yield _unreadable(line, problem, text if record is value else json.dumps(record))


def _unreadable(line: int | None, problem: object, text: str) -> Document:
    return line, {}, f"the document {problem}", text[:_MOST_SHOWN]


def _archive_records(path: Path, file: str, limits: UnpackLimits) -> Iterator[Record | Ignored]:
    """The documents of the members of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                kind = _member_kind(member, file)
                if is_hidden_member(member) or kind not in _DOCUMENTS:
                    continue
                small = member.file_size <= _SMALL
                with io.BytesIO(archive.read(member)) if small else archive.open(member) as stream:
                    yield from _records_of(stream, kind, member.filename, f"{file}/{member.filename}")
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the archive is damaged ({error}); fetch it again") from error


def _member_kind(member: zipfile.ZipInfo, file: str) -> str:
    kind = member.filename.lower().rsplit(".", 1)[-1]
    if kind == "zip":
        raise FileProblem(file, f"the archive holds another one, {member.filename}; unpack that one first")
    return kind
