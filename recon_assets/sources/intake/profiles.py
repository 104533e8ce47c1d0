"""Profiles: what a file does not tell is told once, in profiles/<name>.toml below the landing root (spec/intake.md, 6).

A mistake in a profile is an error that names the file and the line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

import tomllib
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked

from recon_assets.errors import InputError

FOLDER = "profiles/"


@checked(config=ConfigDict(extra="forbid"), frozen=True)
class Profile:
    """How the files that it matches are read. `columns` are headings and the columns they are: several for one column
    are summed."""

    match: list[str]
    source: str | None = None
    sheet: str | None = None
    heading_row: int | None = None
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    document_types: dict[str, str] = field(default_factory=dict)
    date_order: Literal["day_first", "month_first"] | None = None
    decimal_mark: Literal[".", ","] | None = None
    encoding: str | None = None
    level: Literal["document", "line"] = "document"
    skip: list[str] = field(default_factory=list)
    month_from: str | None = None
    control_totals: Literal["fail", "warn"] = "fail"
    additive: bool = False
    name: str = ""

    def matches(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self.match)


@dataclass(frozen=True)
class Profiles:
    """The profiles of a landing zone, in the order of their names; the first that matches a file is its profile."""

    profiles: tuple[Profile, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)  # name -> the file's text

    def of(self, path: str) -> Profile | None:
        return next((profile for profile in self.profiles if profile.matches(path)), None)

    def told(self, paths: Iterable[str]) -> list[tuple[str, str]]:
        """Which files a profile is for, with its text: what makes their month load again when it changes."""
        found = ((path, self.of(path)) for path in sorted(paths))
        return [(path, self.texts[profile.name]) for path, profile in found if profile is not None]


def parse_profile(name: str, text: str, columns_of: dict[str, frozenset[str]]) -> Profile:
    """The profile in a file; InputError names the file and the line of a mistake.

    `columns_of` are the columns of every source: names that a profile may use.
    """
    try:
        content = tomllib.loads(text)
        profile = Profile(**content, name=name)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        raise _mistake(name, text, key, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    _check(profile, text, columns_of)
    return profile


def _check(profile: Profile, text: str, columns_of: dict[str, frozenset[str]]) -> None:
    if profile.source is not None and profile.source not in columns_of:
        raise _mistake(profile.name, text, profile.source, f"{profile.source} is no source ({', '.join(columns_of)})")
    known = columns_of[profile.source] if profile.source else frozenset().union(*columns_of.values())
    for heading, column in profile.columns.items():
        if column not in known:
            raise _mistake(profile.name, text, heading, f"{column} is no column; there are {', '.join(sorted(known))}")
    for column in (*profile.constants, *([profile.month_from] if profile.month_from else [])):
        if column not in known:
            raise _mistake(profile.name, text, column, f"{column} is no column; there are {', '.join(sorted(known))}")
    for pattern in profile.skip:
        try:
            re.compile(pattern)
        except re.error as error:
            raise _mistake(profile.name, text, pattern, f"{pattern} is no pattern ({error})") from error
    if profile.encoding is not None:
        _check_encoding(profile, text)


def _check_encoding(profile: Profile, text: str) -> None:
    try:
        "".encode(profile.encoding or "")
    except LookupError as error:
        raise _mistake(profile.name, text, "encoding", f"{profile.encoding} is no encoding") from error


def _mistake(name: str, text: str, key: str, message: str) -> InputError:
    line = next((n for n, line in enumerate(text.splitlines(), start=1) if key and key in line), 1)
    return InputError(f"{name}, line {line}: {message}")


def profile_text(profile: dict[str, Any]) -> str:
    """A profile as TOML: plain values first, then its tables."""
    plain = {key: value for key, value in profile.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml(value)}" for key, value in plain.items()]
    for key, table in profile.items():
        if isinstance(table, dict) and table:
            lines += ["", f"[{key}]", *(f"{_toml(name)} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | int):
        return str(value).lower()
    text = str(value)
    return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'
