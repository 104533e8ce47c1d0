"""Text files as grids: the encoding they are in, the delimiter, and the lines before the table (spec/intake.md, 3)."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa

from recon_assets.errors import FileProblem
from recon_assets.sources.blocks import MAX_FIELD
from recon_assets.sources.delimited import MAX_COLUMNS
from recon_assets.sources.encodings import SAMPLE, Encoding, encoding_of
from recon_assets.sources.intake.grid import Grid, GridBuilder
from recon_assets.sources.intake.regular import RegularRows, regular_rows
from recon_assets.sources.stream import NOT_UTF8, spelled_out
from recon_assets.sources.unpack import UnpackLimits, open_bytes

DELIMITERS = (",", ";", "\t", "|")
_BY_HAND = 100  # rows among which titles and a heading are; those below are read by Arrow where they are regular
_RULE = re.compile(r"[-=_]{3,}")  # a drawn line, as printed lists have them around headings and totals
_SEP = re.compile(r'"?sep=(.|\t)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class TextTable:
    grid: Grid
    encoding: Encoding
    delimiter: str


def read_text(path: Path, file: str, limits: UnpackLimits, encoding: str | None = None) -> TextTable:
    """The rows of a delimited file; FileProblem for an empty one, or one that a quote never closed spoils."""
    csv.field_size_limit(MAX_FIELD)
    if encoding is None:
        with open_bytes(path, file, limits) as stream:
            told = encoding_of(stream.read(SAMPLE))
    else:
        told = Encoding(encoding, None)
    with open_bytes(path, file, limits) as stream:
        data = stream.read()
    text = io.TextIOWrapper(io.BytesIO(data), encoding=told.name, errors=told.errors, newline="")
    builder, lines = GridBuilder(), _Lines(text)
    rows = _Rows(lines, file)
    reading = rows.read()
    try:
        builder.extend(islice(reading, _BY_HAND))
        regular = _regular_rest(data, rows) if told.name == "utf-8-sig" and not rows.problems else None
        if regular is None:
            builder.extend(reading)
    except UnicodeError as error:
        raise FileProblem(file, f"the text is not valid {told.name}; save it as UTF-8") from error
    if not rows.lines:
        raise FileProblem(file, "the file is empty: not even a header row. Land it again, or remove it")
    row_lines, widths = pa.array(rows.lines, pa.int64()), pa.array(rows.widths, pa.int32())
    if regular is not None:
        builder.add(regular.columns)
        row_lines = pa.concat_arrays([row_lines, pa.array(regular.lines)])
        widths = pa.concat_arrays([widths, pa.repeat(pa.scalar(len(regular.columns), pa.int32()), len(regular.lines))])
    columns, _ = builder.columns()
    grid = Grid(
        None,
        columns,
        row_lines,
        widths=widths,
        delimiter=lines.delimiter,
        problems=rows.problems,
    )
    return TextTable(grid, told, lines.delimiter)


def _regular_rest(data: bytes, rows: "_Rows") -> RegularRows | None:
    """The rows behind those that were read by hand; None when they have to be, too."""
    has_lone_returns = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")  # they end lines, too
    if rows.next_line is None or has_lone_returns:
        return None
    at = 0
    for _ in range(rows.next_line - 1):
        at = data.find(b"\n", at) + 1
    return regular_rows(data[at:], rows.lines_of.delimiter, rows.widths[-1], rows.next_line) if at else None


@dataclass
class _Lines:
    """Lines of a text without byte order marks and without what only spreadsheets read (`sep=`, `#TYPE`)."""

    text: io.TextIOWrapper
    delimiter: str = ","
    skipped: int = 0

    def __iter__(self) -> Iterator[str]:
        lines = (line.lstrip("\ufeff") for line in self.text)
        head = list(islice(lines, 60))
        said = None
        while head and (not head[0].strip() or _SEP.fullmatch(head[0]) or head[0].startswith("#TYPE ")):
            match = _SEP.fullmatch(head[0])
            said = match[1] if match else said
            head.pop(0)
            self.skipped += 1
        self.delimiter = said or _likely_delimiter(head)
        yield from head
        yield from lines


def _likely_delimiter(head: list[str]) -> str:
    """The one that stands most often in the line that has most of any: titles have few, the heading many."""
    counts = {mark: max((line.count(mark) for line in head), default=0) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counts[mark])


@dataclass
class _Rows:
    lines_of: _Lines
    file: str
    lines: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    next_line: int | None = None  # where the record behind the last one begins; None at the file's end

    def read(self) -> Iterator[list[str | None]]:
        source = iter(self.lines_of)
        first = next(source, "")
        reader = csv.reader(_chain(first, source), delimiter=self.lines_of.delimiter, strict=True)
        while True:
            begins = reader.line_num + 1 + self.lines_of.skipped
            try:
                fields = next(reader)
            except StopIteration:
                self.next_line = None
                return
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise FileProblem(
                        self.file, f"the quote that opens in line {begins} is never closed; the file may be cut off"
                    ) from error
                self.problems[len(self.lines)] = f"the record cannot be read: {error}"
                fields = []
            if len(fields) > MAX_COLUMNS:
                raise FileProblem(
                    self.file,
                    f"line {begins} has {len(fields)} columns, {MAX_COLUMNS} are allowed; is this the right file?",
                )
            self.next_line = reader.line_num + 1 + self.lines_of.skipped
            yield self._kept(fields, begins)

    def _kept(self, fields: list[str], begins: int) -> list[str | None]:
        index = len(self.lines)
        self.lines.append(begins)
        self.widths.append(len(fields))
        if fields and fields[0][:1] in ("", " ", "-", "=", "_") and _is_rule(fields):
            return [None]
        if any(not field.isascii() and not field.isprintable() and spelled_out(field) != field for field in fields):
            self.problems[index] = NOT_UTF8
            return [spelled_out(field) for field in fields]
        return list(fields)


def _is_rule(fields: list[str]) -> bool:
    filled = [text for field in fields if (text := field.strip())]
    return bool(filled) and all(_RULE.fullmatch(text) for text in filled)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest
