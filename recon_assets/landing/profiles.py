"""Profiles: what a file does not tell is told once, in profiles/<name>.toml below the landing root (spec/intake.md, 6).

A mistake in a profile is an error that names the file and the line.
"""

import codecs
import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked

from recon_assets.catalogue import SOURCES, columns_of
from recon_assets.errors import FileProblem, InputError
from recon_assets.landing.store import FileStore, LandedFile

FOLDER = "profiles/"
IN_A_PROFILE = "in a profile, profiles/<name>.toml below the landing root"
# Entries that tell how the text of a file is read: of any list, and of registers.
OF_LISTS = (
    "sheet", "heading_row", "columns", "not_read", "constants", "date_order", "decimal_mark", "encoding", "skip",
    "month_from",
)  # fmt: skip
_OF_READING = (*OF_LISTS, "document_types", "statuses")
STATUS = "document_status"  # of registers: a column that is read for what it says, and loaded nowhere


@checked(config=ConfigDict(extra="forbid"), frozen=True)
class Profile:
    """How the files that it matches are read. `columns` are headings and the columns they are: several for one column
    are summed; `not_read` are headings that are none. `statuses` are words of a register's column of statuses."""

    match: list[str]
    source: str | None = None
    sheet: str | None = None
    heading_row: int | None = None
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)
    document_types: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, Literal["skip", "count"]] = field(default_factory=dict)
    date_order: Literal["day_first", "month_first"] | None = None
    decimal_mark: Literal[".", ","] | None = None
    encoding: str | None = None
    level: Literal["document", "line"] = "document"
    skip: list[str] = field(default_factory=list)
    month_from: str | None = None
    control_totals: Literal["fail", "warn"] = "fail"
    additive: bool = False
    name: str = ""

    @property
    def tells_reading(self) -> bool:
        """Whether it says how the text of a file is read, beside what becomes of its totals and repeats."""
        return any(getattr(self, key) for key in _OF_READING) or self.level != "document"


def require_usable(profile: Profile | None, usable: Mapping[str, set[str] | None], file: str, what: str) -> None:
    """FileProblem for entries that do not count for a file; `usable` are those that do, with the names that a table of
    theirs may have (None: any)."""
    if profile is None:
        return
    for key in (*_OF_READING, "level"):
        value, names = getattr(profile, key), usable.get(key)
        is_said = value != "document" if key == "level" else bool(value)
        others = sorted(set(value) - names) if is_said and key in usable and names is not None else []
        if is_said and (key not in usable or others):
            told = f"{key} of {', '.join(others)}" if others else key
            raise FileProblem(
                file,
                f"its profile {profile.name} says {told}, which {what} do not take; leave it out, or narrow its match",
            )


def matches(path: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def is_profile(path: str) -> bool:
    return path.startswith(FOLDER) and path.lower().endswith(".toml")


def patterns_of(name: str, text: str, source: str | None = None) -> list[str]:
    """The patterns of the paths that a profile is for, of a source none where it names another; InputError when it
    cannot say so."""
    try:
        told = tomllib.loads(text)
        patterns = told.get("match")
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: {error}") from error
    if not isinstance(patterns, list) or not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f'{name}, line 1: match is missing: the paths it is for, such as match = ["erp/*/*.xlsx"]')
    return patterns if source in (None, told.get("source", source)) else []


def read_profiles(files: list[LandedFile], store: FileStore, source: str) -> list[Profile]:
    """The profiles in these files that are for the source, in the order of their names; InputError names the file and
    line of a mistake."""
    found = []
    for file in sorted(files):
        found.append(parse_profile(file.path, profile_content(store, file)))
    return [profile for profile in found if profile.source in (None, source)]


def profile_content(store: FileStore, file: LandedFile) -> str:
    """The text of a landed profile; InputError when it is none in UTF-8."""
    with store.open_local(file) as path:
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{file.path}: the text is not UTF-8; save it as UTF-8") from error


def profile_of(path: str, profiles: list[Profile]) -> Profile | None:
    """The first profile that is for a file."""
    return next((profile for profile in profiles if matches(path, profile.match)), None)


def parse_profile(name: str, text: str) -> Profile:
    """The profile in a file; InputError names the file and the line of a mistake."""
    patterns_of(name, text)
    try:
        profile = Profile(**tomllib.loads(text), name=name)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        raise _mistake(name, text, place[0] if place else "", f"{'.'.join(place)}: {first['msg']}") from error
    _check(profile, text)
    return profile


def _check(profile: Profile, text: str) -> None:
    if profile.source is not None and profile.source not in SOURCES:
        raise _mistake(profile.name, text, profile.source, f"{profile.source} is no source ({', '.join(SOURCES)})")
    sources = [profile.source] if profile.source else list(SOURCES)
    known = {column.name for source in sources for column in columns_of(source) if column.heading != "derived"}
    known |= {column.name for source in sources for column in SOURCES[source].context}
    has_status = any(SOURCES[source].reader == "register" for source in sources)
    named = [item for item in profile.columns.items() if item[1] != STATUS or not has_status]
    named += [(column, column) for column in profile.constants]
    named += [(profile.month_from, profile.month_from)] if profile.month_from else []
    for key, column in named:
        if column not in known:
            near = ", ".join(difflib.get_close_matches(column, known, 3)) or ", ".join(sorted(known))
            raise _mistake(profile.name, text, key, f"{column} is no column of the project; it has {near}")
    for pattern in profile.skip:
        try:
            re.compile(pattern)
        except re.error as error:
            raise _mistake(profile.name, text, "skip", f"{pattern} is no pattern ({error})") from error
    if profile.encoding is not None:
        try:
            codecs.lookup(profile.encoding)
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
