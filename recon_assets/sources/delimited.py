"""Delimited text as a table of the stream, parsed by Arrow block by block; what is set right before: `blocks`."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from recon_assets.errors import FileProblem
from recon_assets.sources import blocks
from recon_assets.sources.ahead import ahead
from recon_assets.sources.blocks import ByteBlock, OpenQuoteError, read_blocks, wrong_width
from recon_assets.sources.encodings import SAMPLE, encoding_of
from recon_assets.sources.stream import DICTIONARY, Block, Unreadable, distinct, raw_row, spelled_out
from recon_assets.sources.unpack import UnpackLimits, open_bytes, open_utf8

MAX_COLUMNS = 1000  # the widest export has 120: more is one long line of something else
_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADING = 1 << 20
_SEARCHED = 50  # lines of which one is the heading
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass
class DelimitedTable:
    """Records below the heading of a delimited file."""

    path: Path
    file: str
    limits: UnpackLimits
    headings: list[str]
    delimiter: str
    heading_line: int = 1  # the last one of it
    titles: int = 0  # lines above it
    name: str = ""
    assumed: str | None = None  # the encoding, where it had to be detected
    marker: str = field(default_factory=lambda: f"\x02{token_hex(8)}:")

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        """Records block by block; FileProblem when the file is damaged or a quote is never closed."""
        first = 1
        plain: set[int] = set()  # columns whose texts do not repeat: without a dictionary
        with open_utf8(self.path, self.file, self.limits) as stream:
            for _ in range(self.heading_line):
                stream.readline()
            read = read_blocks(
                stream, self.delimiter, len(self.headings), self.marker, blocks.BLOCK, self.heading_line + 1
            )
            with closing(ahead(read)) as whole:
                try:
                    for block in whole:
                        parsed = self._parsed(block, positions - plain, plain, first)
                        plain |= {n for n, texts in parsed.texts.items() if _is_plain(texts)}
                        first += len(block.lines)
                        yield parsed
                except OpenQuoteError as error:
                    problem = "a quote that opens here is never closed; the file may be cut off"
                    raise FileProblem(self.file, problem, row=first) from error

    def _parsed(self, block: ByteBlock, repeating: set[int], plain: set[int], first: int) -> Block:
        names = [f"c{n}" for n in range(len(self.headings))]
        positions = repeating | plain
        types = {names[n]: pa.string() if n in plain else DICTIONARY for n in positions}
        unreadable: list[Unreadable] = []

        def skip(row: arrow_csv.InvalidRow) -> str:
            at = row.number - 1
            text, problem = self._unreadable(block, row.text)
            unreadable.append(Unreadable(first + at, int(block.lines[at]), problem, text))
            return "skip"

        texts = {n: pa.array([], types[names[n]]) for n in positions}
        if block.data:
            table = self._table(block.data, names, types, skip)
            texts = {n: table[names[n]].combine_chunks() for n in positions}
        places = np.delete(np.arange(len(block.lines)), [record.number - first for record in unreadable])
        return Block(
            texts,
            pa.array(places + first),
            pa.array(block.lines[places]),
            unreadable,
            raw_rows=lambda rows: self._raw_rows(block, [int(places[row]) for row in rows]),
            ignored={"blank": block.blank} if block.blank else {},
        )

    def _table(
        self, data: bytes, names: list[str], types: dict[str, pa.DataType], skip: Callable[[arrow_csv.InvalidRow], str]
    ) -> pa.Table:
        try:
            return arrow_csv.read_csv(
                pa.py_buffer(data),
                arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
                arrow_csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=skip),
                arrow_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    null_values=[""],
                    strings_can_be_null=True,
                    include_columns=list(types),
                ),
            )
        except pa.ArrowInvalid as error:
            raise FileProblem(
                self.file, f"cannot be read as delimited text ({error}); export it again as CSV"
            ) from error

    def _unreadable(self, block: ByteBlock, text: str) -> tuple[str, str]:
        if text in block.set_aside:
            fields, problem = block.set_aside[text]
        else:
            fields = next(csv.reader([text], delimiter=self.delimiter))
            problem = wrong_width(len(fields), len(self.headings))
        return ",".join(fields), problem

    def _raw_rows(self, block: ByteBlock, places: Sequence[int]) -> list[str]:
        names = distinct(self.headings)
        found = []
        for place in places:
            line = block.data[block.starts[place] : block.starts[place + 1]].decode()
            fields = next(csv.reader(io.StringIO(line, newline=""), delimiter=self.delimiter))
            found.append(raw_row(dict(zip(names, fields, strict=True))))
        return found


def _is_plain(texts: pa.Array) -> bool:
    return not pa.types.is_dictionary(texts.type) or len(texts.dictionary) > len(texts) // 2


def open_delimited(
    path: Path, file: str, limits: UnpackLimits, is_heading: Callable[[list[str]], bool] = lambda _: True
) -> DelimitedTable:
    """The table of a delimited file; FileProblem when it has no heading.

    The heading is the first of the first rows that `is_heading` takes, else the first with text (spec/intake.md, 2).
    """
    first: tuple[int, int, list[str], str] | None = None
    unread: csv.Error | None = None
    with open_utf8(path, file, limits) as stream:
        delimiter = None
        for begins, number, text in _records(stream):
            told = _SEP.fullmatch(text)
            if told or not text.strip() or text.startswith("#TYPE "):  # only spreadsheets and PowerShell read these
                delimiter = told[1] if told else delimiter
                continue
            try:
                found = _heading(text, delimiter)
            except csv.Error as error:
                unread = unread or error
                continue
            if first is None:
                require_width(len(found[0]), file)
                first = begins, number, *found
            if is_heading(found[0]):
                first = begins, number, *found
                break
    if first is None and unread is not None:
        raise FileProblem(file, f"cannot be read ({unread}); export it again as CSV", row=0) from unread
    if first is None:
        raise FileProblem(file, "the file is empty: not even a header row. Land it again, or remove it")
    begins, number, headings, delimiter = first
    with open_bytes(path, file, limits) as packed:
        assumed = encoding_of(packed.read(SAMPLE)).assumed
    return DelimitedTable(path, file, limits, headings, delimiter, number, begins - 1, assumed=assumed)


def _records(stream: BinaryIO) -> Iterator[tuple[int, int, str]]:
    """The first records with the numbers of their first and last line; a cell in quotes may go over several lines."""
    read = islice(iter(lambda: stream.readline(_LONGEST_HEADING), b""), _SEARCHED)
    lines = [line.decode("utf-8", "surrogateescape").replace("\ufeff", "") for line in read]
    at = 0
    while at < len(lines):
        last = at
        while _is_open("".join(lines[at : last + 1])):
            if last + 1 == len(lines) or sum(map(len, lines[at : last + 1])) > _LONGEST_HEADING:  # no such cell
                last = at
                break
            last += 1
        yield at + 1, last + 1, "".join(lines[at : last + 1])
        at = last + 1


def _is_open(text: str) -> bool:
    """Whether a record goes on in the next line."""
    if text.count('"') % 2 == 0:
        return False
    try:
        _heading(text, None)
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _heading(text: str, delimiter: str | None) -> tuple[list[str], str]:
    """A record as headings, and what delimits them; csv.Error when it is none."""
    delimiter = delimiter or max(_DELIMITERS, key=text.count)
    headings = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    return [heading_text(heading) for heading in headings], delimiter


def require_width(width: int, file: str) -> None:
    """FileProblem for more columns than any export has."""
    if width > MAX_COLUMNS:
        raise FileProblem(
            file, f"the header has {width} columns, {MAX_COLUMNS} are allowed; is this the right file?", row=0
        )


def heading_text(heading: str) -> str:
    """A heading as it is shown and quoted in SQL, which no NUL may be in."""
    return spelled_out(heading.strip()).replace("\x00", "\\x00")
