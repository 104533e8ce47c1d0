"""JSON Lines as a table of the stream: one object a line, every number with the digits that are written.

Arrow reads pieces in which each line is an object whose values are of one kind per key, which it holds exactly or
refuses. Python reads the others, line by line, and says what is wrong with which.
"""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pj

from recon_assets.catalogue import normalize_heading
from recon_assets.sources.ahead import ahead
from recon_assets.sources.blocks import Numbers, places_of, places_where, without_bom
from recon_assets.sources.stream import NOT_UTF8, Block, Unreadable, spelled_out
from recon_assets.sources.unpack import UnpackLimits, open_utf8

_PIECE = 16 << 20  # bytes of a block
_AT_ONCE = 2 << 20  # bytes that Arrow reads at a time; it takes no longer line
NUMBER = pa.decimal128(38, 24)  # what has more decimals, or 15 digits before them, is left to Python
_BEGUN_NUMBER = re.compile(rb'"([^"]*)"\s*:\s*"?[-+]?[0-9.]+\Z')  # a key and its value up to a power of ten
_LONGEST_NUMBER = 200  # characters
_PARTS, _SIGNS, _BEFORE = (np.frombuffer(marks, np.uint8) for marks in (b"0123456789.", b"+-", b'": \t'))
_NO_KEY = object()
_AS_LINES = "; JSON Lines are read: every record an object in a line of its own"
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
Lines = list[tuple[int, bytes]]
Flags = npt.NDArray[np.bool_]


@dataclass
class JsonLinesTable:
    """Objects of a file by the keys `headings`, which are looked for without case; those at `decimals` hold numbers.

    A record leaves out what is null, so which keys a file has is known at its end only: `at_end` gets those found.
    """

    path: Path
    file: str
    limits: UnpackLimits
    headings: list[str]
    decimals: Set[int] = frozenset()
    at_end: Callable[[set[str]], None] = lambda found: None
    name: str = ""
    heading_line: int = 0
    delimiter: str | None = None

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        """Objects block by block; FileProblem when the file is damaged, and as `at_end` raises it."""
        keys = _Keys({normalize_heading(self.headings[n]): n for n in sorted(positions)}, self.decimals)
        number = line = 1
        with open_utf8(self.path, self.file, self.limits) as stream, closing(ahead(_pieces(stream))) as pieces:
            for piece in pieces:
                plain = _plain_block(piece, keys, number, line)
                block = plain or _block(_lines(piece, line), keys, number)
                number += len(block.numbers) + len(block.unreadable)
                line += len(plain.lines) if plain else piece.count(b"\n")
                yield block
        if number > 1:
            self.at_end(set(keys.spellings))


def _pieces(stream: BinaryIO) -> Generator[bytes, None, None]:
    """Whole lines, about `_PIECE` bytes at a time."""
    while piece := stream.read(_PIECE):
        yield without_bom(piece + stream.readline())


@dataclass
class _Keys:
    """Which keys of an object hold the wanted columns, in any spelling. Objects of the same keys are asked once."""

    places: dict[str, int]
    decimals: Set[int]
    spellings: dict[str, set[str]] = field(default_factory=dict)  # of the keys seen, by their normal form
    texts: set[str] = field(default_factory=set)  # keys that hold texts in the first object
    known: dict[tuple[str, ...], list[Any] | None] = field(default_factory=dict)

    def values(self, content: dict[str, Any]) -> list[Any]:
        """The values of the columns, in the order of `places`; null where the object has none."""
        shape = tuple(content)
        if shape not in self.known:
            self.known[shape] = self._keys_of(shape)
        keys = self.known[shape]
        if keys is None:  # several spellings of one key: the last that says something
            told = {normalize_heading(key): value for key, value in content.items() if value is not None}
            return list(map(told.get, self.places))
        return list(map(content.get, keys))

    def _keys_of(self, shape: tuple[str, ...]) -> list[Any] | None:
        normal = {normalize_heading(key): key for key in shape}
        for key in shape:
            self.spellings.setdefault(normalize_heading(key), set()).add(key)
        return [normal.get(name, _NO_KEY) for name in self.places] if len(normal) == len(shape) else None

    def look_at(self, line: bytes) -> None:
        """Learn from the first object what its keys hold."""
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(content, dict):
            self.values(content)
            self.texts = {key for key, value in content.items() if isinstance(value, str)}

    def wanted(self) -> dict[str, int]:
        """Positions of the wanted keys seen, as they are spelled; none where one is spelled in two ways."""
        found = {name: self.spellings[name] for name in self.places.keys() & self.spellings.keys()}
        if any(len(spelled) > 1 for spelled in found.values()):
            return {}
        return {spelled: self.places[name] for name, (spelled,) in found.items()}

    def schema(self, wanted: dict[str, int]) -> pa.Schema:
        kinds = dict.fromkeys(self.texts, pa.string())
        kinds |= {key: NUMBER if place in self.decimals else pa.string() for key, place in wanted.items()}
        return pa.schema(list(kinds.items()))

    def has_all(self, names: Iterable[str]) -> bool:
        """Whether every key has been seen."""
        return all(name in self.spellings.get(normalize_heading(name), ()) for name in names)


def _plain_block(piece: bytes, keys: _Keys, first: int, line: int) -> Block | None:
    """The block as Arrow reads it; None where Python has to look: at new keys, and at whatever is not plain."""
    text = piece.replace(b"\r\n", b"\n") if b"\r" in piece else piece
    if not keys.spellings:
        keys.look_at(text.partition(b"\n")[0])
    wanted = keys.wanted()
    found = read_objects(text, keys.schema(wanted)) if wanted else None
    if found is None or not keys.has_all(found.column_names):
        return None
    count = len(found)
    texts = {place: found[key].combine_chunks() for key, place in wanted.items()}
    nothing = pa.nulls(count, pa.string())
    return Block(
        {place: texts.get(place, nothing) for place in keys.places.values()},
        pa.array(np.arange(first, first + count)),
        pa.array(np.arange(line, line + count)),
        raw_rows=lambda rows: _raw_rows(text.splitlines(), rows),
    )


def read_objects(text: bytes, schema: pa.Schema, longest: int = _AT_ONCE) -> pa.Table | None:
    """One row per line, each an object: the columns of `schema`, numbers as DECIMAL, and what else the lines hold.

    None when a line is something else or longer than `longest`, or a value is not as `schema` has it.
    """
    if not _is_utf8(text) or (count := _count_objects(text, longest)) is None:
        return None
    if _has_long_exponent(text, {field.name.encode() for field in schema if pa.types.is_decimal(field.type)}):
        return None
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer")
    try:
        found = pj.read_json(pa.BufferReader(text), pj.ReadOptions(block_size=_AT_ONCE), options)
    except pa.ArrowInvalid:
        return None
    return found if len(found) == count else None


def _count_objects(text: bytes, longest: int) -> int | None:
    """The lines, when each begins and ends as an object; None when one does not, or may be longer than
    `longest`.

    Such a line is an object, or several in a row, which the count of records tells: no object goes over its end.
    """
    text = text.removesuffix(b"\n")
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return None
    seen = np.frombuffer(text, np.uint8)
    ends = places_of(ord("\n"), text)
    is_plain = (seen[ends + 1] == ord("{")).all() and (seen[ends - 1] == ord("}")).all()
    has_long = np.diff(ends, prepend=-1, append=len(text)).max() > longest
    return len(ends) + 1 if is_plain and not has_long else None


def _has_long_exponent(text: bytes, keys: Set[bytes]) -> bool:
    """Whether the value of a key is a number whose power of ten has four digits, which Arrow takes and the conversion
    of texts does not."""
    seen = np.frombuffer(text, np.uint8)

    def is_before(start: int, stop: int) -> Flags:
        """Whether a point, a stroke or a digit is before an E."""
        found = seen[start:stop] - np.uint8(ord(".")) < 12
        found &= (seen[start + 1 : stop + 1] | 32) == ord("e")
        return found

    marks = places_where(len(seen) - 1, is_before) + 1
    marks = ends = marks[marks < len(seen) - 6]
    ends = ends + np.isin(seen[ends + 1], (ord("+"), ord("-")))
    for _ in range(4):
        is_digit = (seen[ends + 1] >= ord("0")) & (seen[ends + 1] <= ord("9"))
        marks, ends = marks[is_digit], ends[is_digit] + 1
    marks = marks[_follows_number(seen, marks)]
    begun = (_BEGUN_NUMBER.search(text, max(0, mark - _LONGEST_NUMBER), mark) for mark in marks.tolist())
    return any(found is not None and (found[1] in keys or b"\\" in found[1]) for found in begun)


def _follows_number(seen: npt.NDArray[np.uint8], marks: Numbers) -> Flags:
    """Whether a number that begins behind a blank, a colon or a quote ends before each mark; ids have many others."""
    start = marks - 1
    for _ in range(_LONGEST_NUMBER):
        is_part = (start > 0) & np.isin(seen[start], _PARTS)
        if not is_part.any():
            break
        start = start - is_part
    start = start - ((start > 0) & np.isin(seen[start], _SIGNS))
    return (start < marks - 1) & np.isin(seen[start], _BEFORE)  # type: ignore[no-any-return]


def _is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _lines(piece: bytes, first: int) -> Lines:
    """Lines with something in them, and their numbers; a return alone ends one too, as no JSON text has it inside."""
    return [
        (number, part)
        for number, line in enumerate(piece.split(b"\n"), start=first)
        for part in (line.splitlines() if b"\r" in line else (line,))
        if part.strip()
    ]


def _block(lines: Lines, keys: _Keys, first: int) -> Block:
    unreadable: list[Unreadable] = []
    kept: list[int] = []
    rows: list[list[Any]] = []
    for at, (line, text) in enumerate(lines):
        values, problem = _record(text, keys)
        if problem is not None:
            shown = spelled_out(text.decode("utf-8", "surrogateescape"))
            unreadable.append(Unreadable(first + at, line, problem, shown))
            continue
        kept.append(at)
        rows.append(values)
    columns = zip(*rows, strict=True) if rows else [()] * len(keys.places)
    return Block(
        {n: _texts(column) for n, column in zip(keys.places.values(), columns, strict=True)},
        pa.array([first + at for at in kept], pa.int64()),
        pa.array([lines[at][0] for at in kept], pa.int64()),
        unreadable,
        raw_rows=lambda rows: _raw_rows([lines[at][1] for at in kept], rows),
    )


def _raw_rows(lines: list[bytes], rows: Sequence[int]) -> list[str]:
    return [lines[row].decode() for row in rows]


def _texts(column: Sequence[Any]) -> pa.Array:
    """Texts and numbers as they are written; lists, objects and truth values as JSON."""
    try:
        return pa.array(column, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in column], pa.string())


def _record(text: bytes, keys: _Keys) -> tuple[list[Any], str | None]:
    """The values of a line, and why it cannot be read, if so."""
    try:
        content = _DECODER.decode(text.decode())
        if not isinstance(content, dict):
            return [], f"the line is not a JSON object{_AS_LINES}"
    except UnicodeDecodeError:
        return [], NOT_UTF8
    except ValueError as error:
        return [], f"the line is not JSON ({error}){_AS_LINES}"
    except RecursionError:
        return [], "the line is nested too deeply"
    values = keys.values(content)
    if b"\\u" in text and not all(map(_is_whole, values)):
        return [], NOT_UTF8
    return values, None


def _is_whole(value: Any) -> bool:
    """Whether the text has no half of a character, which JSON can write and nothing can hold."""
    return not isinstance(value, str) or spelled_out(value) == value
