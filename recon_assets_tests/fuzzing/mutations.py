"""Damage done to a file's bytes, drawn by hypothesis: what storage, editors, exports and attackers do to files."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

# Put at a place, or in a field's stead.
TOKENS: tuple[bytes, ...] = (
    b"", b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\x00", b"\x02", b"\x1a", b"\xef\xbb\xbf",
    b"null", b"NULL", b"NaN", b"Infinity", b"-", b"+", b"0", b"-0.0", b"1e999", b"1e-999", b"1E5", b"9" * 40, b"9" * 400,
    b"0." + b"1" * 60, b"999999999999.9999999", b"1.234.567,89", b"1,234,567.89", b"1,5", b"=1+1", b"true", b"[]", b"{}",
    b"0001-01-01", b"9999-12-31", b"2025-02-30", b"2024-02-29", b"0000-00-00", b"10000-01-01", b"02/03/2025",
    b"31.12.2025", b"45000", b"45000.5", b"99999", b"2025-02-01T25:61:61Z", b"2025-02-01T00:00:00+99:99",
    b"294247-01-10T04:00:54Z", b"20250230", b"\xff", b"\xe9", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\\",
    "é".encode(), "\u00a0".encode(), "\u2028".encode(), "\u0085".encode(), "\U0001f4b8".encode(), "１２".encode(),
    "ﬀ\u0301".encode(), b"a" * 3000, b"\n" * 300, b"," * 300, b'"' * 301, b"[" * 3000, b'{"a":' * 3000, b"<a>" * 300,
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<![CDATA[", b"&#0;", b"&amp;", b"&b;", b"-->", b"]]>", b"%s{}$1", b"../../x",
)  # fmt: skip
HUGE = b"h" * (4 << 20)  # a field of MAX_FIELD and more
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "utf-32", "utf-7")
_FIELD = re.compile(rb"[^,;\t\r\n\"<>:{}\[\]]+")

Mutate = Callable[[bytes, int, int], bytes]


@dataclass(frozen=True)
class Mutation:
    """A named change; `place` and `choice` mean what the change makes of them."""

    name: str
    place: int
    choice: int

    def __call__(self, content: bytes) -> bytes:
        return MUTATIONS[self.name](content, self.place, self.choice)


def _flip(content: bytes, place: int, choice: int) -> bytes:
    at = place % (len(content) or 1)
    return content[:at] + bytes([byte ^ (1 << choice % 8) for byte in content[at : at + 1]]) + content[at + 1 :]


def _cut(content: bytes, place: int, choice: int) -> bytes:
    return content[: place % (len(content) + 1)]


def _cut_out(content: bytes, place: int, choice: int) -> bytes:
    at = place % (len(content) or 1)
    return content[:at] + content[at + 1 + choice % 200 :]


def _insert(content: bytes, place: int, choice: int) -> bytes:
    at = place % (len(content) + 1)
    return content[:at] + TOKENS[choice % len(TOKENS)] + content[at:]


def _insert_huge(content: bytes, place: int, choice: int) -> bytes:
    at = place % (len(content) + 1)
    return content[:at] + HUGE + content[at:]


def _fields(content: bytes) -> list[re.Match[bytes]]:
    return list(_FIELD.finditer(content))


def _replace_field(content: bytes, place: int, choice: int) -> bytes:
    found = _fields(content)
    if not found:
        return TOKENS[choice % len(TOKENS)]
    field = found[place % len(found)]
    return content[: field.start()] + TOKENS[choice % len(TOKENS)] + content[field.end() :]


def _copy_field(content: bytes, place: int, choice: int) -> bytes:
    """A field in another one's stead, sometimes in other case: doubled headings, values in columns of another kind."""
    found = _fields(content)
    if not found:
        return content
    copied, field = found[choice % len(found)][0], found[place % len(found)]
    return content[: field.start()] + (copied.swapcase() if choice % 2 else copied) + content[field.end() :]


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def _repeat_line(content: bytes, place: int, choice: int) -> bytes:
    lines = _lines(content)
    at = place % (len(lines) or 1)
    return b"".join([*lines[: at + 1], *(lines[at : at + 1] * (1 + choice % 3)), *lines[at + 1 :]])


def _remove_line(content: bytes, place: int, choice: int) -> bytes:
    lines = _lines(content)
    at = place % (len(lines) or 1)
    return b"".join(lines[:at] + lines[at + 1 + choice % 3 :])


def _swap_lines(content: bytes, place: int, choice: int) -> bytes:
    lines = _lines(content)
    if len(lines) > 1:
        a, b = place % len(lines), choice % len(lines)
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _exchange(content: bytes, place: int, choice: int) -> bytes:
    """One mark for another throughout the file."""
    marks = [b",", b";", b"\t", b'"', b"'", b"|", b"\n", b"\r\n", b".", b"-", b"{", b"<", b" "]
    return content.replace(marks[place % len(marks)], marks[choice % len(marks)])


def _encode(content: bytes, place: int, choice: int) -> bytes:
    return content.decode("utf-8", "replace").encode(ENCODINGS[choice % len(ENCODINGS)], "replace")


def _double(content: bytes, place: int, choice: int) -> bytes:
    """The file behind itself, as an upload that was resumed wrongly."""
    at = place % (len(content) + 1)
    return content[:at] + content


MUTATIONS: dict[str, Mutate] = {
    "flip": _flip,
    "cut": _cut,
    "cut out": _cut_out,
    "insert": _insert,
    "insert huge": _insert_huge,
    "replace field": _replace_field,
    "copy field": _copy_field,
    "repeat line": _repeat_line,
    "remove line": _remove_line,
    "swap lines": _swap_lines,
    "exchange": _exchange,
    "encode": _encode,
    "double": _double,
}
# Those that leave most of a file readable come often, a field of megabytes seldom.
_OFTEN = ("replace field", "replace field", "replace field", "copy field", "insert", "insert", "flip")
_NAMES = tuple(name for name in MUTATIONS if name != "insert huge") * 2 + _OFTEN * 2 + ("insert huge",)
_PLACES = st.integers(0, 1 << 20)


def mutations() -> st.SearchStrategy[list[Mutation]]:
    """One to four changes, one after the other."""
    return st.lists(st.builds(Mutation, st.sampled_from(_NAMES), _PLACES, _PLACES), min_size=1, max_size=4)


def mutated(content: bytes, changes: list[Mutation], inside: bool, member: int) -> bytes:
    """The content with all changes; `inside` of what is packed (gzip, or the `member`th file of a zip)."""
    if inside and content.startswith(b"\x1f\x8b"):
        return gzip.compress(_changed(gzip.decompress(content), changes), mtime=0)
    if inside and content.startswith(b"PK\x03\x04"):
        return _changed_member(content, changes, member)
    return _changed(content, changes)


def _changed(content: bytes, changes: list[Mutation]) -> bytes:
    for change in changes:
        content = change(content)
    return content


def _changed_member(content: bytes, changes: list[Mutation], member: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        names = packed.namelist()
        for number, name in enumerate(names):
            own = packed.read(name)
            changed.writestr(name, _changed(own, changes) if number == member % len(names) else own)
    return out.getvalue()
