"""Values of a JSON text, one after the other, whatever holds them together.

A document, documents one after another (JSON Lines among them) and the elements of a list are all the same to a
reader. Numbers stay the text that they are written as. What a value means is no business of this module.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

_CHUNK = 1 << 20  # characters
MAX_VALUE = 64 << 20  # characters of one value: a page of the API holds a hundred documents of at most 300 KB
_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_BETWEEN = re.compile(r"[ \t\r\n,\ufeff\x1e]*")
# Where reading goes on after a value that cannot be read: the next line of JSON Lines, else the next line that opens.
_NEXT_LINE = re.compile(r"\n")
_NEXT_OPENING = re.compile(r"\n(?=[{\[])")


@dataclass(frozen=True)
class JsonValue:
    """One value, or why the text from here on is none (`problem`); `text` is as much of it as was read."""

    line: int  # line of the file on which it begins, from 1
    value: Any
    text: str
    problem: str | None = None


class BrokenListError(Exception):
    """A list that cannot be read to its end, after values of it were: what is left of it is lost."""


def json_values(stream: TextIO, by_line: bool, line: int = 1) -> Iterator[JsonValue]:
    """The values of a JSON text; lists of values are gone into. BrokenListError when one ends too early.

    `by_line`: after what cannot be read, reading goes on at the next line; else at the next that begins a value.
    `line` of the file is where the text begins.
    """
    return _Values(stream, by_line, line).read()


def json_value(text: str) -> Any:
    """The one value of a text; ValueError or RecursionError when it holds none, or something else behind it."""
    value, end = _decoder.raw_decode(text, _BETWEEN.match(text).end())  # type: ignore[union-attr]
    if _BETWEEN.match(text, end).end() < len(text):  # type: ignore[union-attr]
        raise json.JSONDecodeError("Extra data", text, end)
    return value


class _Values:
    def __init__(self, stream: TextIO, by_line: bool, line: int) -> None:
        self._stream, self._by_line = stream, by_line
        self._next = _NEXT_LINE if by_line else _NEXT_OPENING
        self._text, self._at, self._line = "", 0, line
        self._is_whole = False  # whether the text reaches to the end of the file
        self._depth = 0  # of lists that are open
        self._in_list = 0  # values read of the open lists

    def read(self) -> Iterator[JsonValue]:
        is_empty = not self._by_line
        while self._to_next():
            is_empty = False
            mark = self._text[self._at]
            if mark == "[":
                self._depth, self._at = self._depth + 1, self._at + 1
            elif mark == "]" and self._depth:
                self._depth, self._at = self._depth - 1, self._at + 1
                self._in_list = self._in_list if self._depth else 0
            else:
                yield self._value()
        if self._in_list:
            raise BrokenListError(f"line {self._line}: the list is not closed")
        if self._depth or is_empty:
            problem = "is a list without an end" if self._depth else "is empty"
            yield JsonValue(self._line, None, self._text[:100], problem)

    def _to_next(self) -> bool:
        """Whether there is more than blanks and commas; moves to it."""
        while True:
            self._move(_BETWEEN.match(self._text, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._more():
                return self._at < len(self._text)

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """One more piece of the file behind the text, which loses what was read; False at the file's end."""
        if self._is_whole:
            return False
        piece = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        self._is_whole = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)

    def _value(self) -> JsonValue:
        line = self._line
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if self._may_go_on(error) and len(self._text) - self._at < MAX_VALUE and self._more():
                    continue
                return self._unreadable(line, error)
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._more():
                continue  # a number or word that the piece's end may have cut
            text = self._text[self._at : end]
            self._move(end)
            self._in_list += bool(self._depth)
            return JsonValue(line, value, text)

    def _may_go_on(self, error: Exception) -> bool:
        """Whether the error may come from a value that goes on behind the text."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - 16

    def _unreadable(self, line: int, error: Exception) -> JsonValue:
        if self._in_list:
            raise BrokenListError(f"line {line}: an element of the list is not valid JSON ({error})")
        begun = self._text[self._at : self._at + 10_000]
        problem = f"is not valid JSON ({type(error).__name__}: {str(error)[:200]})"
        if len(self._text) - self._at >= MAX_VALUE:
            problem = f"is larger than {MAX_VALUE} characters"
        self._skip()
        return JsonValue(line, None, begun, problem)

    def _skip(self) -> None:
        """To where reading goes on: nowhere when a list is open."""
        while True:
            found = None if self._depth else self._next.search(self._text, self._at)
            if found is not None:
                return self._move(found.start())
            self._move(len(self._text))
            if not self._more():
                self._depth = 0
                return None
