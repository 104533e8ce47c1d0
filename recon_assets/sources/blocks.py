"""Delimited text as blocks of whole records that any CSV parser reads alike; what is irregular is set right here.

Regular means: quotes only open, close and escape, lines end in a line feed, and the text is UTF-8. That is told with
whole arrays of bytes; the few records that break it go through Python's csv module and are written again.
"""

import codecs
import csv
import io
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from recon_assets.sources.stream import NOT_UTF8, spelled_out

BLOCK = 4 << 20
MAX_FIELD = 4 * 1024 * 1024
BOM = "\ufeff".encode()
_PIECE = 1 << 18  # what is looked at in one go: its arrays stay in the processor's cache
_BREAK, _RETURN, _QUOTE = 10, 13, 34
_MOST_RECORD = 64 << 20  # bytes; beyond them a quote is taken to be open
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


class OpenQuoteError(Exception):
    """The record after the last block has a quote that is never closed."""


@dataclass
class ByteBlock:
    """Whole records, each ending in a line break; what is blank is left out and counted.

    A record that cannot be read stands as a line of one field, its key in `set_aside`: (fields, problem). `starts` is
    where each record begins in `data`, and where the last one ends, `lines` the line of the file where it began.
    """

    data: bytes
    starts: Numbers
    lines: Numbers
    blank: int = 0
    set_aside: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    is_set_right: bool = False


def read_blocks(
    stream: BinaryIO, delimiter: str, width: int, marker: str, size: int, first_line: int
) -> Generator[ByteBlock, None, None]:
    """Blocks of about `size` bytes of the records from `first_line` on; `marker` begins the keys of what is set aside.

    OpenQuoteError after the last whole record before a quote that is never closed; FileProblem as the stream raises it.
    """
    csv.field_size_limit(MAX_FIELD)
    rest = b""
    while True:
        read = stream.read(size)
        data = without_bom(rest + read + stream.readline(size))  # to an end of line: `rest` is seldom more than nothing
        if not read and data and not data.endswith(b"\n"):
            data += b"\n"
        if not data:
            return
        reader = _BlockReader(data, delimiter, width, marker, first_line)
        used = reader.read(is_last=not read)
        if used:
            yield reader.block()
        if reader.is_open or len(data) - used > max(_MOST_RECORD, 2 * size):
            raise OpenQuoteError
        first_line += data.count(b"\n", 0, used)
        rest = data[used:]


class _BlockReader:
    """Finds the whole records of `data`, which begins with one, and sets right those that are irregular."""

    def __init__(self, data: bytes, delimiter: str, width: int, marker: str, first_line: int) -> None:
        self._data, self._delimiter, self._width, self._marker = data, delimiter, width, marker
        self._first_line = first_line
        self._seen = np.frombuffer(data, np.uint8)
        self._ends = (ord(delimiter), _RETURN) if b"\r" in data else (ord(delimiter),)
        self._has_inner_breaks = self.is_open = False
        self._set_aside: dict[str, tuple[list[str], str]] = {}
        self._parts: list[bytes] = []
        self._size = 0  # of the parts
        self._kept = 0  # up to here the data is in the parts
        self._moved: list[tuple[int, int]] = []  # (offset in the parts, lines of the file that are not in them)

    def read(self, is_last: bool) -> int:
        """How many bytes the whole records take."""
        at = 0
        unreadable = _not_utf8(self._data)
        undecodable = next(unreadable, -1)
        while True:
            stop = len(self._data) if undecodable < 0 else undecodable
            wrong, end = self._regular(at, stop)
            if wrong < 0 and undecodable >= 0:
                wrong = undecodable
            if wrong < 0:
                break
            after = self._set_right(end, wrong)
            if after < 0:
                break
            at = after
            while 0 <= undecodable < at:
                undecodable = next(unreadable, -1)
        self.is_open |= is_last and end < len(self._data)
        self._add(self._data[self._kept : end])
        return end

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)

    def block(self) -> ByteBlock:
        data = b"".join(self._parts)
        starts = self._record_starts(data)
        lines = self._lines(data, starts)
        blanks = self._blanks(data, starts)
        if not len(blanks):
            return ByteBlock(data, starts, lines, 0, self._set_aside, self._kept > 0)
        kept = np.delete(np.arange(len(starts) - 1), blanks)
        sizes = np.diff(starts)[kept]
        data = b"".join(data[starts[n] : starts[n + 1]] for n in kept)
        moved = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return ByteBlock(data, moved, lines[kept], len(blanks), self._set_aside, self._kept > 0)

    def _record_starts(self, data: bytes) -> Numbers:
        breaks = places_of(_BREAK, data)
        if self._has_inner_breaks:
            quotes = places_of(_QUOTE, data)
            breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        return np.concatenate([[0], breaks + 1]).astype(np.int64)

    def _lines(self, data: bytes, starts: Numbers) -> Numbers:
        """The line of the file where each record began."""
        begun = starts[:-1]
        if not self._has_inner_breaks and not self._moved:
            return np.arange(self._first_line, self._first_line + len(begun))
        breaks = places_of(_BREAK, data)
        moved = np.zeros(len(begun) + 1, np.int64)
        offsets, counts = np.array(self._moved, np.int64).reshape(-1, 2).T
        np.add.at(moved, np.searchsorted(begun, offsets), counts)
        return np.searchsorted(breaks, begun) + self._first_line + np.cumsum(moved[:-1])

    def _blanks(self, data: bytes, starts: Numbers) -> Numbers:
        """Which records hold nothing: lines of blanks, and of delimiters alone."""
        nothing = self._delimiter.encode() + b" \t\r\n\x0b\x0c"
        first = np.frombuffer(data, np.uint8)[starts[:-1]]
        begun = np.flatnonzero(np.isin(first, np.frombuffer(nothing, np.uint8)))
        return np.array([n for n in begun if not data[starts[n] : starts[n + 1]].strip(nothing)], np.int64)

    def _regular(self, start: int, stop: int) -> tuple[int, int]:
        """From the record at `start`: the first byte before `stop` that is out of place (or -1), and the end of the
        last whole record before that."""
        inside, end = 0, start
        for begin in range(start, stop, _PIECE):
            until = min(begin + _PIECE, stop)
            piece = _Piece(self._seen, begin, until, self._ends, inside)
            self._has_inner_breaks |= piece.has_inner_break
            wrong = piece.first_wrong()
            reached = wrong if wrong >= 0 else until
            if reached - end > MAX_FIELD:  # whether a field is too long is for the csv module to say
                return max(wrong, reached - 1), end
            ended = piece.last_break(reached)
            end = ended + 1 if ended >= 0 else end
            if wrong >= 0:
                return wrong, end
            inside = piece.inside_after
        return -1, end

    def _set_right(self, start: int, wrong: int) -> int:
        """Replace the record from `start` that is irregular at `wrong`; where the next begins; -1 while it is open."""
        until, more = wrong, 1
        while True:
            for _ in range(more):
                until = self._data.find(b"\n", until) + 1 or len(self._data)
            text = self._data[start:until].decode("utf-8", "surrogateescape")
            if self._data.endswith(b"\n", start, until) and self._replace(text, start, until):
                return until
            if until == len(self._data) or self.is_open:
                return -1
            more *= 2

    def _replace(self, text: str, start: int, until: int) -> bool:
        """Put the records of the text, as Python's csv module reads them, regularly in its place; False while one is
        open."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True)
        aside = len(self._set_aside)
        found: list[tuple[int, str]] = []  # the line before each record, and the record
        while True:
            line = reader.line_num
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                is_long = "field larger" in str(error)
                if "unexpected end of data" in str(error) or (is_long and reader.line_num > line + 1):
                    self.is_open |= is_long
                    self._set_aside = dict(list(self._set_aside.items())[:aside])
                    return False
                found.append((line, self._put_aside([], f"the record cannot be read: {error}")))
            else:
                found.append((line, self._regularly(fields)))
        self._add(self._data[self._kept : start])
        self._put(found, text.count("\n"))
        self._kept = until
        return True

    def _put(self, found: list[tuple[int, str]], lines: int) -> None:
        """Add the records to the parts, and note how far their lines are from those of the file."""
        written = gone = 0
        for line, record in [*found, (lines, "")]:
            if line - written != gone:
                self._moved.append((self._size, line - written - gone))
                gone = line - written
            encoded = record.encode()
            self._add(encoded)
            written += encoded.count(b"\n")
        self._has_inner_breaks = True

    def _regularly(self, fields: list[str]) -> str:
        shown = [spelled_out(field) for field in fields]
        if is_blank(fields, self._width):
            return "\n"
        if len(fields) != self._width:
            return self._put_aside(shown, wrong_width(len(fields), self._width))
        if shown != fields:
            return self._put_aside(shown, NOT_UTF8)
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(fields)
        return out.getvalue()

    def _put_aside(self, fields: list[str], problem: str) -> str:
        key = f"{self._marker}{len(self._set_aside)}"
        self._set_aside[key] = (fields, problem)
        return f"{key}\n"


def without_bom(data: bytes) -> bytes:
    """The text without marks of the byte order, which are part of no field, wherever they stand."""
    return data.replace(BOM, b"") if BOM[:1] in data else data  # one byte is sought twenty times as fast


def places_of(byte: int, data: bytes) -> Numbers:
    """Where the byte stands."""
    seen = np.frombuffer(data, np.uint8)
    return places_where(len(seen), lambda start, stop: seen[start:stop] == byte)


def places_where(count: int, is_place: Callable[[int, int], npt.NDArray[np.bool_]]) -> Numbers:
    """The places below `count` for which `is_place`, which is asked of a start and a stop, is true."""
    starts = range(0, count, _PIECE)
    return np.concatenate(
        [np.zeros(0, np.int64), *(np.flatnonzero(is_place(n, min(n + _PIECE, count))) + n for n in starts)]
    )


def is_blank(fields: list[str], width: int) -> bool:
    """Whether these are the fields of a line of blanks or delimiters alone, which is no record."""
    return (len(fields) <= 1 or len(fields) == width) and not any(field.strip() for field in fields)


def wrong_width(found: int, width: int) -> str:
    return f"{found} fields where the header has {width}"


class _Piece:
    """Which quotes of a run of bytes are out of place: an opening one after text, a closing one before text.

    Eight bytes make one byte of flags, the first one highest; whether a byte is inside quotes is the parity of the
    quotes up to it.
    """

    def __init__(self, seen: Bytes, begin: int, until: int, ends: tuple[int, ...], inside: int) -> None:
        own = seen[begin:until]
        is_break, is_quote = own == _BREAK, own == _QUOTE
        no_text = is_break | is_quote
        for end in ends:
            no_text |= own == end
        around = (_BREAK, _QUOTE, *ends)
        before = begin == 0 or seen[begin - 1] in around
        after = until == len(seen) or seen[until] in around
        self._begin, self._breaks = begin, np.packbits(is_break)
        quotes, allowed = np.packbits(is_quote), np.packbits(no_text)
        running = quotes ^ (quotes >> 1)
        running ^= running >> 2
        running ^= running >> 4
        parity = np.bitwise_xor.accumulate(running & 1) ^ np.uint8(inside)
        running[1:] ^= np.uint8(0) - parity[:-1]
        running[0] ^= np.uint8(255 * inside)
        self._inside = running
        self._wrong = quotes & ~((running & _later(allowed, before)) | (~running & _earlier(allowed, after, len(own))))
        if _RETURN in ends:  # a line may not end in a return alone
            breaks_next = _earlier(self._breaks, until == len(seen) or seen[until] == _BREAK, len(own))
            self._wrong |= np.packbits(own == _RETURN) & ~breaks_next & ~running
        self.inside_after = int(parity[-1])
        self.has_inner_break = bool((self._breaks & self._inside).any())

    def first_wrong(self) -> int:
        at = np.flatnonzero(self._wrong)
        return -1 if not len(at) else self._begin + int(at[0]) * 8 + _flags(self._wrong[at[0]])[0]

    def last_break(self, limit: int) -> int:
        """The last line break outside quotes before `limit`, or -1."""
        outside = self._breaks & ~self._inside
        whole, part = divmod(limit - self._begin, 8)
        if part:
            outside[whole] &= np.uint8(0xFF00 >> part & 0xFF)
        at = np.flatnonzero(outside[: whole + bool(part)])
        return -1 if not len(at) else self._begin + int(at[-1]) * 8 + _flags(outside[at[-1]])[-1]


def _later(flags: Bytes, first: bool) -> Bytes:
    """The flag of each byte's predecessor."""
    moved: Bytes = flags >> np.uint8(1)
    moved[1:] |= flags[:-1] << np.uint8(7)
    moved[0] |= np.uint8(128 * first)
    return moved


def _earlier(flags: Bytes, last: bool, count: int) -> Bytes:
    """The flag of each byte's successor."""
    moved: Bytes = flags << np.uint8(1)
    moved[:-1] |= flags[1:] >> np.uint8(7)
    moved[-1] |= np.uint8(last << (-count % 8))
    return moved


def _flags(byte: np.uint8) -> list[int]:
    return [place for place in range(8) if int(byte) >> (7 - place) & 1]


def _not_utf8(data: bytes) -> Iterator[int]:
    """Places of bytes that are not UTF-8."""
    at = 0
    while at < len(data) and not (at == 0 and data.isascii()):
        try:
            codecs.utf_8_decode(memoryview(data)[at:], "strict", False)
            return
        except UnicodeDecodeError as error:
            yield at + error.start
            at += error.end
