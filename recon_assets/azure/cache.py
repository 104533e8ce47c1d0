"""Local copies of blobs: bounded, checked before each use, and not removed under a reader, of whichever process.

<folder>/files/<name>             a copy; it appears by a rename, so it is always whole
<folder>/records/<name>.json      its size, hash and when the file system last changed it; touched at each use
<folder>/pins/<id>.json           names that a reader needs; locked by its process as long as it reads
<folder>/incoming/                copies under way
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from recon_assets.errors import InputError
from recon_assets.transport.arrivals import digest_of
from recon_assets.transport.locks import lock_file

_DAY = 86_400  # seconds


@dataclass(frozen=True)
class _Record:
    size: int
    sha256: str
    changed_ns: int


class Pin:
    """Keeps files in the cache until it is released, or its process ends."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


@dataclass(frozen=True)
class FileCache:
    """Copies of at most `limit` bytes in all, but for what is being read. Names are relative, with forward slashes."""

    folder: Path
    limit: int

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def pin(self, names: Iterable[str]) -> Pin:
        """Keep these names, there already or to come, from being removed to make room."""
        path = self.folder / "pins" / f"{uuid.uuid4().hex}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._nobody_removes():
            file = path.open("w", encoding="utf-8")
            lock_file(file.fileno())
            json.dump(sorted(names), file)
            file.flush()
        return Pin(path, file)

    def get(self, name: str, size: int | None, fetch: Callable[[Path], None]) -> Path:
        """The copy of `name`, which `fetch` writes to the path it is given when there is none that is sound.

        `size` is that of the blob in bytes when it is known. Pin the name first.
        """
        path = self.files / name
        if self._is_sound(name, size):
            os.utime(self._record_path(name))
            return path
        self._require_fit(name, size or 0)
        self._make_room(size or 0)
        incoming = self._new_incoming()
        try:
            fetch(incoming)
            self._require_fit(name, incoming.stat().st_size)
            self._make_room(incoming.stat().st_size)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write_record(name, incoming)
            incoming.replace(path)
        finally:
            incoming.unlink(missing_ok=True)
        return path

    def used(self) -> int:
        """Bytes of all copies."""
        return sum(size for _, _, size in self._copies())

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_sound(self, name: str, size: int | None) -> bool:
        """Whether there is a copy of this size that is as it was written; hashed only when the file system says not."""
        path = self.files / name
        try:
            stat = path.stat()
            record = _Record(**json.loads(self._record_path(name).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return False
        if stat.st_size != record.size or size not in (None, record.size):
            return False
        return stat.st_mtime_ns == record.changed_ns or _sha256(path) == record.sha256

    def _write_record(self, name: str, file: Path) -> None:
        stat = file.stat()
        path = self._record_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        record = _Record(stat.st_size, _sha256(file), stat.st_mtime_ns)
        temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
        temporary.replace(path)

    def _record_path(self, name: str) -> Path:
        return self.folder / "records" / f"{name}.json"

    def _require_fit(self, name: str, size: int) -> None:
        if size > self.limit:
            raise InputError(
                f"{name.rpartition('/')[2]} has {size:,} bytes; local copies may have {self.limit:,} in all. Raise "
                "RECON_AZURE_CACHE_BYTES, and see that the disk below RECON_HOME has that much."
            )

    def _new_incoming(self) -> Path:
        """A new empty file for a copy. What killed processes left there more than a day before is removed."""
        path = self.folder / "incoming" / uuid.uuid4().hex
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        now = path.stat().st_mtime
        for other in path.parent.iterdir():
            with suppress(FileNotFoundError):  # its own process is done with it
                if now - other.stat().st_mtime > _DAY:
                    other.unlink()
        return path

    @contextmanager
    def _nobody_removes(self) -> Iterator[None]:
        """Held while pins are made and while copies are removed, so that neither misses the other."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w", encoding="utf-8") as file:
            lock_file(file.fileno(), wait=True)
            yield

    def _make_room(self, size: int) -> None:
        """Remove the copies that were used longest ago, until `size` more bytes keep the limit. Pinned ones stay."""
        if self.used() + size > self.limit:
            with self._nobody_removes():
                self._remove_unused(size)

    def _remove_unused(self, size: int) -> None:
        copies = sorted(self._copies())
        used = sum(held for _, _, held in copies)
        pinned = self._pinned()
        for _, name, held in copies:
            if used + size <= self.limit:
                return
            if name not in pinned:
                (self.files / name).unlink(missing_ok=True)
                self._record_path(name).unlink(missing_ok=True)
                used -= held

    def _copies(self) -> Iterator[tuple[float, str, int]]:
        """(last used, name, bytes) of every copy."""
        for path in self.files.rglob("*"):
            name = path.relative_to(self.files).as_posix()
            with suppress(FileNotFoundError):  # another process made room
                if path.is_file():
                    record = self._record_path(name)
                    used_at = record.stat().st_mtime if record.exists() else 0.0
                    yield used_at, name, path.stat().st_size

    def _pinned(self) -> set[str]:
        """Names that living readers need. Pins of dead ones are removed."""
        names: set[str] = set()
        for path in (self.folder / "pins").glob("*.json"):
            with suppress(FileNotFoundError), path.open("r+", encoding="utf-8") as file:  # released meanwhile
                try:
                    lock_file(file.fileno())
                except OSError:
                    names.update(json.load(file))
                else:
                    path.unlink(missing_ok=True)
        return names


def _sha256(path: Path) -> str:
    return digest_of(path, "sha256").hex()
