"""Big delimited files as blocks of whole records that any CSV parser reads alike; what is irregular is set right here.

Regular means: quotes only open, close and escape, and the text is UTF-8. That is told with whole arrays of bytes; the
few records that break it go through Python's csv module, as all of `records.read_csv` do, so both ways agree.
"""

import codecs
import csv
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from recon_assets.sources.records import MAX_FIELD, NOT_UTF8, cannot_be_read, is_blank, spelled_out, wrong_width

BLOCK = 32 << 20
_PIECE = 1 << 18  # what is looked at in one go: its arrays stay in the processor's cache
_BREAK, _RETURN, _QUOTE = 10, 13, 34
_MOST_LINES = 200  # of a record that quotes in its middle make unclear
Bytes = npt.NDArray[np.uint8]


class IrregularFileError(Exception):
    """The file has what only the slow way understands, such as a quote that is never closed."""


@dataclass
class Block:
    """Whole records, each ending in a line break, blank lines left out.

    A record that cannot be read stands as a line of one field, its key in `set_aside`: (fields, problem).
    """

    data: bytes
    set_aside: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    has_inner_breaks: bool = True  # whether line breaks may stand inside quotes

    def line_starts(self) -> npt.NDArray[np.int64]:
        """Where each record begins, and where the last one ends."""
        seen = np.frombuffer(self.data, np.uint8)
        breaks = np.flatnonzero(seen == _BREAK)
        if self.has_inner_breaks:
            breaks = breaks[np.searchsorted(np.flatnonzero(seen == _QUOTE), breaks) % 2 == 0]
        return np.concatenate([[0], breaks + 1])


def read_blocks(stream: BinaryIO, delimiter: str, width: int, marker: str, size: int) -> Generator[Block, None, None]:
    """Blocks of about `size` bytes of the lines below the header; `marker` begins the keys of what is set aside.

    IrregularFileError for what needs the slow way; FileProblem as the stream raises it.
    """
    rest = b""
    while True:
        read = stream.read(size)
        data = rest + read
        if not read and data and not data.endswith(b"\n"):
            data += b"\n"
        if not data:
            return
        reader = _BlockReader(data, delimiter, width, marker)
        used = reader.read(is_last=not read)
        if used:
            yield reader.block()
        elif read and len(data) > 4 * size:
            raise IrregularFileError("a record is longer than a block")
        rest = data[used:]


class _BlockReader:
    """Finds the whole records of `data`, which begins with one, and sets right those that are irregular."""

    def __init__(self, data: bytes, delimiter: str, width: int, marker: str) -> None:
        self._data, self._delimiter, self._width, self._marker = data, delimiter, width, marker
        self._seen = np.frombuffer(data, np.uint8)
        self._ends = (ord(delimiter), _RETURN) if b"\r" in data else (ord(delimiter),)
        self._has_blank_line = self._has_inner_breaks = False
        self._set_aside: dict[str, tuple[list[str], str]] = {}
        self._parts: list[bytes] = []
        self._kept = 0  # up to here the data is in the parts

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
                if is_last:
                    raise IrregularFileError("a quote is never closed")
                break
            at = after
            while 0 <= undecodable < at:
                undecodable = next(unreadable, -1)
        if is_last and end < len(self._data):
            raise IrregularFileError("a quote is never closed")
        self._parts.append(self._data[self._kept : end])
        return end

    def block(self) -> Block:
        data = b"".join(self._parts)
        whole = _without_blank_lines(data) if self._has_blank_line else data
        return Block(whole, self._set_aside, self._has_inner_breaks)

    def _regular(self, start: int, stop: int) -> tuple[int, int]:
        """From the record at `start`: the first quote before `stop` that is out of place (or -1), and the end of the
        last whole record before that."""
        inside, end = 0, start
        for begin in range(start, stop, _PIECE):
            until = min(begin + _PIECE, stop)
            piece = _Piece(self._seen, begin, until, self._ends, inside)
            self._has_blank_line |= piece.has_blank_line
            self._has_inner_breaks |= piece.has_inner_break
            wrong = piece.first_wrong()
            if (wrong if wrong >= 0 else until) - end > MAX_FIELD:  # it may end in this piece
                raise IrregularFileError("a record is longer than a field may be")
            ended = piece.last_break(wrong if wrong >= 0 else until)
            end = ended + 1 if ended >= 0 else end
            if wrong >= 0:
                return wrong, end
            inside = piece.inside_after
        return -1, end

    def _set_right(self, start: int, wrong: int) -> int:
        """Replace the record from `start` that is irregular at `wrong`; where the next begins, or -1."""
        until = wrong
        for _ in range(_MOST_LINES):
            until = self._data.find(b"\n", until) + 1
            if until == 0:
                return -1
            text = self._data[start:until].decode("utf-8", "surrogateescape")
            lines = self._as_read(text)
            if lines is not None:
                self._parts += [self._data[self._kept : start], lines.encode()]
                self._kept = until
                self._has_inner_breaks = True
                return until
        raise IrregularFileError("a record with quotes in its middle does not end")

    def _as_read(self, text: str) -> str | None:
        """The records of the text as Python's csv module reads them, written regularly; None when the last is open."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self._delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True)
        aside: list[tuple[list[str], str]] = []
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    return None
                self._put_aside(aside, out, [], cannot_be_read(error))
                continue
            shown = [spelled_out(field) for field in fields]
            if is_blank(fields, self._width):
                continue
            if len(fields) != self._width:
                self._put_aside(aside, out, shown, wrong_width(len(fields), self._width))
            elif shown != fields:
                self._put_aside(aside, out, shown, NOT_UTF8)
            else:
                writer.writerow(fields)
        for fields_problem in aside:
            self._set_aside[f"{self._marker}{len(self._set_aside)}"] = fields_problem
        return out.getvalue()

    def _put_aside(self, aside: list[tuple[list[str], str]], out: io.StringIO, fields: list[str], problem: str) -> None:
        out.write(f"{self._marker}{len(self._set_aside) + len(aside)}\n")
        aside.append((fields, problem))


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
        self.inside_after = int(parity[-1])
        self.has_inner_break = bool((self._breaks & self._inside).any())
        self.has_blank_line = bool((_later(self._breaks, begin == 0) & np.packbits(is_break | (own == _RETURN))).any())

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


def _without_blank_lines(data: bytes) -> bytes:
    lines = Block(data).line_starts()
    kept = (data[a:b] for a, b in pairwise(lines))
    return b"".join(line for line in kept if line.strip())
