"""JSON Lines as a table of the stream: one object a line, numbers as they are written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from recon_assets.catalogue import normalize_heading
from recon_assets.sources.blocks import BOM
from recon_assets.sources.stream import NOT_UTF8, Block, Unreadable, batched, spelled_out
from recon_assets.sources.unpack import UnpackLimits, open_utf8

_LINES = 50_000


@dataclass
class JsonLinesTable:
    """Objects of a file by the keys `headings`, which are looked for without case.

    A record leaves out what is null, so which keys a file has is known at its end only: `at_end` gets those found.
    """

    path: Path
    file: str
    limits: UnpackLimits
    headings: list[str]
    at_end: Callable[[set[str]], None] = lambda found: None
    name: str = ""
    heading_line: int = 0
    delimiter: str | None = None

    def blocks(self, positions: set[int]) -> Iterator[Block]:
        """Objects block by block; FileProblem when the file is damaged, and as `at_end` raises it."""
        keys = _Keys({normalize_heading(self.headings[n]): n for n in positions})
        number = 1
        with open_utf8(self.path, self.file, self.limits) as stream:
            for lines in batched(_lines(stream), lambda line: len(line[1]), _LINES):
                block = _block(lines, keys, sorted(positions), number)
                number += len(lines)
                yield block
        if number > 1:
            self.at_end(keys.seen)


@dataclass
class _Keys:
    """Positions of keys in any spelling."""

    places: dict[str, int]
    known: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def place(self, key: str) -> int:
        normal = normalize_heading(key)
        self.seen.add(normal)
        return self.known.setdefault(key, self.places.get(normal, -1))


def _lines(stream: Any) -> Iterator[tuple[int, bytes]]:
    """Lines with something in them, and their numbers; a return alone ends one too, as no JSON text has it inside."""
    for number, line in enumerate(stream, start=1):
        for part in line.replace(BOM, b"").splitlines() if b"\r" in line else (line.replace(BOM, b""),):
            if part.strip():
                yield number, part


def _block(lines: list[tuple[int, bytes]], keys: _Keys, positions: list[int], first: int) -> Block:
    columns: dict[int, list[str | None]] = {n: [] for n in positions}
    unreadable: list[Unreadable] = []
    kept: list[int] = []
    for at, (line, text) in enumerate(lines):
        record, problem = _record(text, keys)
        if problem is not None:
            shown = spelled_out(text.decode("utf-8", "surrogateescape").rstrip("\r\n"))
            unreadable.append(Unreadable(first + at, line, problem, shown))
            continue
        kept.append(at)
        for n, column in columns.items():
            column.append(record.get(n))
    return Block(
        {n: pa.array(column, pa.string()) for n, column in columns.items()},
        pa.array([first + at for at in kept], pa.int64()),
        pa.array([lines[at][0] for at in kept], pa.int64()),
        unreadable,
        raw_rows=lambda rows: [lines[kept[row]][1].decode().rstrip("\r\n") for row in rows],
    )


def _record(text: bytes, keys: _Keys) -> tuple[dict[int, str | None], str | None]:
    """The fields of a line by position, and why it cannot be read, if so."""
    try:
        content = json.loads(text.decode(), parse_float=str, parse_int=str, parse_constant=str)
        if not isinstance(content, dict):
            return {}, "the line is not a JSON object"
        fields: dict[int, str | None] = {}
        for key, value in content.items():
            place = keys.known.get(key)
            if place is None:
                place = keys.place(key)
            if place >= 0 and value is not None:
                fields[place] = value if isinstance(value, str) else json.dumps(value)
    except UnicodeDecodeError:
        return {}, NOT_UTF8
    except ValueError as error:
        return {}, f"the line is not JSON ({error})"
    except RecursionError:
        return {}, "the line is nested too deeply"
    if b"\\u" in text and not all(map(_is_whole, fields.values())):
        return {}, NOT_UTF8
    return fields, None


def _is_whole(text: str | None) -> bool:
    """Whether the text has no half of a character, which JSON can write and nothing can hold."""
    return text is None or spelled_out(text) == text
