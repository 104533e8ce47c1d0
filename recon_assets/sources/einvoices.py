"""Landed e-invoices as text records: single documents, JSON Lines, CSV, and zips of those.

One record per document. A document that cannot be read is one rejected record; only a damaged file or archive stops
the load. What a UBL document holds is read in `ubl`.
"""

import itertools
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import columns_of, normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.records import Records, batched, read_csv
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
_BATCH = 5_000
_SCHEMA = pa.schema(
    [(f"c{n}", pa.string()) for n in range(len(COLUMNS))]
    + [("source_row", pa.int64()), ("problem", pa.string()), ("unreadable", pa.string()), ("member", pa.string())]
)
# A document's fields, or why it cannot be read and its text.
Document = tuple[Fields, str | None, str | None]
_Row = tuple[str | None, int, Document]


def read_einvoices(path: Path, file: str, limits: UnpackLimits, target: Path) -> tuple[Records, dict[str, int]]:
    """Text records of one landed file and the position of each declared column; FileProblem when it is damaged."""
    kind = _kind(file)
    if kind == "csv":
        records = read_csv(path, file, limits, target)
        return records, bind_columns("einvoices", records.headings, file)
    rows = _archive_rows(path, file, limits) if kind == "zip" else _file_rows(path, file, kind, limits)
    count = _write(target, rows)
    return Records(target, COLUMNS, True, count, has_members=True), BOUND


def _kind(file: str) -> str:
    return file.lower().removesuffix(".gz").rsplit(".", 1)[-1]


def _file_rows(path: Path, file: str, kind: str, limits: UnpackLimits) -> Iterator[_Row]:
    with open_bytes(path, file, limits) as stream:
        for number, document in enumerate(_documents(stream, kind), start=1):
            yield None, number, document


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


def _archive_rows(path: Path, file: str, limits: UnpackLimits) -> Iterator[_Row]:
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
                            yield member.filename, number, document
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


def _csv_rows(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str, limits: UnpackLimits) -> Iterator[_Row]:
    with tempfile.TemporaryDirectory() as folder:
        text, records_file = Path(folder, "member.csv"), Path(folder, "member.parquet")
        with archive.open(member) as stream, text.open("wb") as copy:
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
        records = read_csv(text, f"{file}/{member.filename}", limits, records_file)
        bound = bind_columns("einvoices", records.headings, f"{file}/{member.filename}")
        for row in itertools.chain.from_iterable(b.to_pylist() for b in pq.ParquetFile(records_file).iter_batches()):
            fields = {name: row[f"c{position}"] for name, position in bound.items()}
            yield member.filename, row["source_row"], (fields, row["problem"], row["unreadable"])


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
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
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
