"""Landed e-invoices as text records: single documents, JSON Lines, CSV, and zips of those.

One record per document. A document that cannot be read is one rejected record; only a damaged file or archive stops
the load. What a UBL document holds is read in `ubl`.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from recon_assets.catalogue import columns_of, normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.delimited import open_delimited
from recon_assets.sources.stream import Record, RecordTable, Table
from recon_assets.sources.ubl import MAX_DOCUMENT, DocumentProblem, Fields, document_fields, parse_json, parse_xml
from recon_assets.sources.unpack import ARCHIVE_ERRORS, UnpackLimits, is_damage, open_bytes, require_bounded_archive

COLUMNS = [column.name for column in columns_of("einvoices") if column.heading != "derived"]
BOUND = {name: position for position, name in enumerate(COLUMNS)}
_SPELLINGS = {
    normalize_heading(alias): column.name
    for column in columns_of("einvoices")
    if column.heading != "derived"
    for alias in (column.name, *column.aliases)
}
# Of the Get Document answer of the MyInvois API; the totals beside them are in MYR and never compared (rule 18).
_ENVELOPE = {
    "uuid": "uuid",
    "submission_uid": "submissionUid",
    "status": "status",
    "validated_at": "dateTimeValidated",
}
# A document's fields, or why it cannot be read and its text.
Document = tuple[Fields, str | None, str | None]


def open_einvoices(path: Path, file: str, limits: UnpackLimits) -> tuple[Table, dict[str, int]]:
    """The table of one landed file and the position of each declared column; FileProblem when it is damaged."""
    kind = _kind(file)
    if kind == "csv":
        table = open_delimited(path, file, limits)
        return table, bind_columns("einvoices", table.headings, file)[0]
    records = (
        partial(_archive_records, path, file, limits)
        if kind == "zip"
        else partial(_file_records, path, file, kind, limits)
    )
    return RecordTable(COLUMNS, records), BOUND


def _kind(file: str) -> str:
    return file.lower().removesuffix(".gz").rsplit(".", 1)[-1]


def _file_records(path: Path, file: str, kind: str, limits: UnpackLimits) -> Iterator[Record]:
    with open_bytes(path, file, limits) as stream:
        for number, document in enumerate(_documents(stream, kind), start=1):
            yield _record(document, number)


def _documents(stream: BinaryIO, kind: str) -> Iterator[Document]:
    if kind == "jsonl":
        while line := stream.readline(MAX_DOCUMENT + 1):
            whole = len(line) <= MAX_DOCUMENT
            while not whole and line and not line.endswith(b"\n"):  # the rest of a line that is too long
                line = stream.readline(MAX_DOCUMENT + 1)
            if line.strip() or not whole:
                yield _document(line if whole else None, "json")
    else:
        content = stream.read(MAX_DOCUMENT + 1)
        yield _document(content if len(content) <= MAX_DOCUMENT else None, kind)


def _document(content: bytes | None, kind: str) -> Document:
    if content is None:
        return {}, f"is larger than {MAX_DOCUMENT} bytes", None
    try:
        fields = document_fields(parse_xml(content)) if kind == "xml" else _json_fields(parse_json(_decoded(content)))
        return fields, None, None
    except DocumentProblem as problem:
        return {}, f"the document {problem}", content[:10_000].decode("utf-8", "backslashreplace")


def _decoded(content: bytes) -> str:
    try:
        return content.decode(json.detect_encoding(content)).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise DocumentProblem(f"is not valid {error.encoding}") from error


def _json_fields(value: Any) -> Fields:
    """A bare UBL document, the API's envelope around one, or an object of the declared columns."""
    if not isinstance(value, dict):
        raise DocumentProblem("is not a JSON object")
    if "Invoice" in value:
        return document_fields(value)
    if value.get("document") is not None:
        envelope = {name: _plain(value.get(key)) for name, key in _ENVELOPE.items()}
        return document_fields(_enclosed(value["document"])) | envelope
    fields = {_SPELLINGS.get(normalize_heading(key)): _plain(item) for key, item in value.items()}
    if "document_number" not in fields:
        raise DocumentProblem("holds neither a UBL Invoice nor a document in an envelope nor a document_number")
    return {name: text for name, text in fields.items() if name is not None}


def _enclosed(document: Any) -> Any:
    if not isinstance(document, str):
        return document
    text = document.lstrip("\ufeff \t\r\n")
    return parse_xml(text.encode("utf-8", "replace")) if text.startswith("<") else parse_json(text)


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _archive_records(path: Path, file: str, limits: UnpackLimits) -> Iterator[Record]:
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            for member in archive.infolist():
                kind = _member_kind(member, file)
                if kind == "csv":
                    yield from _csv_rows(archive, member, file, limits)
                elif kind:
                    with archive.open(member) as stream:
                        for number, document in enumerate(_documents(stream, kind), start=1):  # type: ignore[arg-type]
                            yield _record(document, number, member.filename)
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the archive is damaged ({error}); fetch it again") from error


def _member_kind(member: zipfile.ZipInfo, file: str) -> str | None:
    """How to read a member; None for folders and files that are no e-invoices."""
    name = member.filename.rsplit("/", 1)[-1]
    kind = name.lower().rsplit(".", 1)[-1]
    if kind == "zip":
        raise FileProblem(file, f"the archive holds another one, {member.filename}; unpack that one first")
    readable = not member.is_dir() and not name.startswith(".") and not member.filename.startswith("__MACOSX/")
    return kind if readable and kind in ("json", "jsonl", "xml", "csv") else None


def _csv_rows(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str, limits: UnpackLimits) -> Iterator[Record]:
    """Records of a list in an archive, in the order of the declared columns."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "member.csv")
        with archive.open(member) as stream, text.open("wb") as copy:
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
        table = open_delimited(text, f"{file}/{member.filename}", limits)
        bound, _ = bind_columns("einvoices", table.headings, table.file)
        for block in table.blocks(set(bound.values())):
            fields = [block.texts[bound[name]].to_pylist() if name in bound else [] for name in COLUMNS]
            columns = [column or [None] * len(block.numbers) for column in fields]
            places = zip(block.numbers.to_pylist(), block.lines.to_pylist(), strict=True)
            for (number, line), values in zip(places, zip(*columns, strict=True), strict=True):
                yield Record(values, number, line, member=member.filename)
            for bad in block.unreadable:
                yield Record((), bad.number, bad.line, bad.problem, bad.text, member.filename)


def _record(document: Document, number: int, member: str | None = None) -> Record:
    fields, problem, text = document
    return Record([fields.get(name) for name in COLUMNS], number, None, problem, text, member)
