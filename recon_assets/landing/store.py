"""File stores: list landed files and hand out a local copy to read. Nothing here writes to the landing zone."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recon_assets.errors import FileProblem, InputError


@dataclass(frozen=True, order=True)
class LandedFile:
    """One file of the landing zone; `path` is relative to its root, with forward slashes, in every store."""

    path: str
    size: int
    etag: str
    modified_at: float  # seconds since the epoch, UTC

    @property
    def version(self) -> str:
        return f"{self.path}@{self.etag}"


class FileStore(Protocol):
    @property
    def name(self) -> str:
        """Where it is, for people."""

    def exists(self) -> bool:
        """Whether the landing zone is there, with or without files."""

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        """Files below the folder `prefix`, in order of path."""

    def open_local(self, file: LandedFile) -> AbstractContextManager[Path]:
        """A local path with the content of exactly this version of the file; FileProblem when it changed."""


@dataclass(frozen=True)
class FolderStore:
    root: Path

    @property
    def name(self) -> str:
        return str(self.root)

    def exists(self) -> bool:
        return self.root.is_dir()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        if not self.root.is_dir():
            raise InputError(f"The landing zone {self.root} does not exist. Create it, or set RECON_LANDING_URL.")
        root = self.root.resolve()
        for folder, folders, names in os.walk(root / prefix):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                # A symbolic link is followed only inside the landing zone (spec/sources.md).
                if path.is_file() and path.resolve().is_relative_to(root):
                    yield self._landed(path, path.relative_to(root).as_posix())

    @contextmanager
    def open_local(self, file: LandedFile) -> Iterator[Path]:
        path = self.root.resolve() / file.path
        self._require_unchanged(path, file)
        yield path
        self._require_unchanged(path, file)

    def _require_unchanged(self, path: Path, file: LandedFile) -> None:
        if not path.is_file() or self._landed(path, file.path) != file:
            raise FileProblem(file.path, "the file changed while it was being read; run the month again")

    @staticmethod
    def _landed(path: Path, relative: str) -> LandedFile:
        stat = path.stat()
        return LandedFile(
            relative, stat.st_size, f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{stat.st_ino:x}", stat.st_mtime
        )
