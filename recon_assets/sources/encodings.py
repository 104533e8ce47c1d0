"""Which encoding a text is in: UTF-8, UTF-16, or what a detector takes it for (spec/intake.md, 3)."""

import re
from dataclasses import dataclass

LEGACY = {"cp1252": "Windows-1252", "gb18030": "GB18030", "big5": "Big5"}
SAMPLE = 1 << 20  # bytes that the encoding is told by
_NOT_ASCII = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True)
class Encoding:
    name: str  # as Python's codecs call it
    assumed: str | None = None  # what people call it, when it was detected and not told

    @property
    def errors(self) -> str:
        """What becomes of bytes that are not of the encoding: of UTF-8 they spoil their record only."""
        return "surrogateescape" if self.name.startswith("utf-8") else "replace" if self.assumed else "strict"


def encoding_of(start: bytes) -> Encoding:
    """The encoding of a text by its first bytes: a byte order mark, the zeros of UTF-16, valid UTF-8, else detected."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Encoding("utf-16")
    if start[:3] == b"\xef\xbb\xbf" or start.isascii():
        zeros = _zeros(start)
        return Encoding(zeros) if zeros else Encoding("utf-8-sig")
    zeros = _zeros(start)
    if zeros:
        return Encoding(zeros)
    lines = _NOT_ASCII.findall(start)
    characters = [_MULTIBYTE.findall(line) for line in lines]
    valid = sum(map(len, characters))
    invalid = sum(len(line.translate(None, bytes(range(128)))) for line in lines)
    invalid -= sum(len(character) for found in characters for character in found)
    if invalid <= valid:  # a few damaged records; the last character may be cut
        return Encoding("utf-8-sig")
    name = _detected(b"\n".join(lines))
    return Encoding(name, LEGACY[name])


def _zeros(start: bytes) -> str | None:
    """The half of UTF-16 that a text without byte order mark is in, by the zeros beside its plain letters."""
    even, odd = start[:2000:2].count(0), start[1:2000:2].count(0)
    if max(even, odd) <= len(start[:2000]) // 8:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _detected(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # a tenth of a second, for the few files that are not UTF-8

    best = from_bytes(sample[:SAMPLE], cp_isolation=list(LEGACY), threshold=0.6, language_threshold=0.05).best()
    return best.encoding if best is not None and best.encoding in LEGACY else "cp1252"
