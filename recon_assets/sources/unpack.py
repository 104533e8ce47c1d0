"""Bytes of a landed file as text: bounded decompression and the encodings Microsoft and Excel write."""

import codecs
import errno
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from recon_assets.errors import FileProblem
from recon_assets.sources.encodings import Encoding, encoding_of

_LOOK = 1 << 20  # bytes that encoding and line ends are told by

# What zipfile raises for damaged archives, and for those packed in ways that it does not know.
ARCHIVE_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip


def is_damage(error: Exception) -> bool:
    """Whether an error of reading is the file's, and not this machine's: a full disk, too little memory."""
    machine = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)  # EINVAL: a seek to nowhere
    return not machine and "no space left" not in str(error).lower() and "memory" not in type(error).__name__.lower()


@dataclass(frozen=True)
class UnpackLimits:
    ratio: int = 200
    size: int = 20 * 1000**3  # bytes


class _BoundedReader(io.RawIOBase):
    """Reads a decompressed stream up to `limit` bytes; FileProblem beyond, or when the stream is corrupt."""

    def __init__(self, stream: BinaryIO, limit: int, file: str) -> None:
        self._stream, self._left, self._file = stream, limit, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            count = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        except (EOFError, OSError, zlib.error) as error:
            if not is_damage(error):
                raise
            raise FileProblem(self._file, f"the compressed file is damaged ({error}); fetch it again") from error
        self._left -= count
        if self._left < 0:
            raise FileProblem(
                self._file,
                "unpacks to more than the limit; if the file is right, raise RECON_MAX_UNPACK_RATIO or "
                "RECON_MAX_UNPACKED_BYTES",
            )
        return int(count)


@contextmanager
def open_bytes(path: Path, file: str, limits: UnpackLimits) -> Iterator[BinaryIO]:
    """The unpacked bytes of `path`; `file` is its name in messages. Gzip is told by its first bytes."""
    with path.open("rb") as packed:
        magic = packed.read(2)
        packed.seek(0)
        if magic == b"\x1f\x8b":
            limit = min(limits.size, max(path.stat().st_size * limits.ratio, 1_000_000))
            with gzip.GzipFile(fileobj=packed) as unpacked:
                yield io.BufferedReader(_BoundedReader(unpacked, limit, file), 1 << 20)  # type: ignore[type-var,arg-type]
        elif file.lower().endswith(".gz"):
            raise FileProblem(file, "ends in .gz but is not gzip; fetch it again")
        else:
            yield io.BufferedReader(_BoundedReader(packed, limits.size, file), 1 << 20)  # type: ignore[type-var]


@contextmanager
def open_text(path: Path, file: str, limits: UnpackLimits) -> Iterator[TextIO]:
    """The text of `path`, UTF-8 or UTF-16 with or without BOM; undecodable bytes become lone surrogates."""
    with open_bytes(path, file, limits) as stream:
        encoding = text_encoding(stream.peek(4)[:4])  # type: ignore[attr-defined]
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        yield io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


@contextmanager
def open_utf8(path: Path, file: str, limits: UnpackLimits) -> Iterator[BinaryIO]:
    """The text of `path` as UTF-8 whose lines end in a line feed; bytes of UTF-8 files are as they came.

    FileProblem where the text is damaged UTF-16. Lines that end in returns alone (old Macs) get line feeds.
    """
    with open_bytes(path, file, limits) as stream:
        start = stream.peek(_LOOK)[:_LOOK]  # type: ignore[attr-defined]
        encoding = encoding_of(start)
        if encoding.name != "utf-8-sig":
            with_feeds = b"\n" in start
        elif b"\r" in start and b"\n" not in start:
            with_feeds = False
        else:
            yield stream
            return
        yield io.BufferedReader(_Utf8(stream, encoding, file, with_feeds), _LOOK)  # type: ignore[type-var]


class _Utf8(io.RawIOBase):
    """A stream of text in another encoding, or without line feeds, as UTF-8 with them."""

    def __init__(self, stream: BinaryIO, encoding: Encoding, file: str, with_feeds: bool) -> None:
        self._stream, self._file, self._with_feeds = stream, file, with_feeds
        self._decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._waiting:
            read = self._stream.read(_LOOK)
            self._waiting = self._encoded(read)
            if not read:
                break
        count = min(len(buffer), len(self._waiting))
        buffer[:count], self._waiting = self._waiting[:count], self._waiting[count:]
        return count

    def _encoded(self, read: bytes) -> bytes:
        try:
            text = self._decoder.decode(read, not read)
        except UnicodeDecodeError as error:
            problem = f"the text is not valid {error.encoding}; save it as UTF-8"
            raise FileProblem(self._file, problem) from error
        return (text if self._with_feeds else text.replace("\r", "\n")).encode("utf-8", "surrogateescape")


def text_encoding(start: bytes) -> str:
    """Encoding of a text by its first bytes: UTF-16 either way round, else UTF-8."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if start[1:2] == b"\x00" and start[:1] != b"\x00":
        return "utf-16-le"
    if start[:1] == b"\x00":
        return "utf-16-be"
    return "utf-8-sig"


def require_bounded_archive(archive: zipfile.ZipFile, path: Path, file: str, limits: UnpackLimits) -> None:
    """FileProblem when a zip unpacks to more than the limits, or a member's name points outside of it.

    Sizes are those that the archive states; a member is never read beyond them.
    """
    members = archive.infolist()
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise FileProblem(file, f"the member {member.filename!r} would lie outside the archive; pack it again")
        if member.flag_bits & 0x1:
            raise FileProblem(file, f"the member {member.filename!r} is encrypted; pack it without a password")
    limit = min(limits.size, max(path.stat().st_size * limits.ratio, 1_000_000))
    if sum(member.file_size for member in members) > limit:
        raise FileProblem(
            file,
            "unpacks to more than the limit; if the file is right, raise RECON_MAX_UNPACK_RATIO or "
            "RECON_MAX_UNPACKED_BYTES",
        )
