"""File stores: list landed files and hand out a local copy to read. Nothing here writes to the landing zone.

What cannot be listed is an error, never an empty folder: a month would be loaded without some of its files.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recon_assets.errors import FileUnreadable, InputError, NotListed


@dataclass(frozen=True, order=True)
class LandedFile:
    """One file of the landing zone; `path` is relative to its root, with forward slashes, in every store."""

    path: str
    size: int
    etag: str
    modified_at: float  # seconds since the epoch, UTC
    changed_ns: int = 0  # when a file system last touched it, rights and copies included; 0 on Azure, which has etags

    @property
    def version(self) -> str:
        return f"{self.path}@{self.etag}"

    @property
    def state(self) -> str:
        """As long as it is the same nothing happened to the file; when it differs, the content may be the same."""
        return file_state(self.path, self.etag, self.changed_ns)


def file_state(path: str, etag: str, changed_ns: int) -> str:
    return f"{path}@{etag}-{changed_ns:x}"


class FileStore(Protocol):
    @property
    def name(self) -> str:
        """Where it is, for people."""

    def exists(self) -> bool:
        """Whether the landing zone is there, with or without files."""

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        """Files below the folder `prefix`, in order of path; ReconError when it cannot be listed whole."""

    def open_local(self, file: LandedFile) -> AbstractContextManager[Path]:
        """A local path with the content of exactly this version of the file; FileUnreadable when it changed."""


@dataclass(frozen=True)
class FolderStore:
    root: Path

    @property
    def name(self) -> str:
        return str(self.root)

    def exists(self) -> bool:
        with _listing(self.root):
            return self.root.is_dir()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        if not self.exists():
            raise InputError(f"The landing zone {self.root} does not exist. Create it, or set RECON_LANDING_URL.")
        with _listing(self.root / prefix):
            yield from self._walk(prefix)

    def _walk(self, prefix: str) -> Iterator[LandedFile]:
        root = self.root.resolve()
        is_inside = (root / prefix).resolve().is_relative_to(root)  # no link leads out, for folders are not followed
        for folder, folders, names in os.walk(root / prefix, onerror=_raise_unless_gone):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                # A symbolic link is followed only inside the landing zone (spec/sources.md).
                with suppress(FileNotFoundError):  # removed since its folder was listed
                    is_taken = path.resolve().is_relative_to(root) if path.is_symlink() else is_inside
                    if is_taken and path.is_file():
                        yield self._landed(path, path.relative_to(root).as_posix())

    @contextmanager
    def open_local(self, file: LandedFile) -> Iterator[Path]:
        path = self.root.resolve() / file.path
        self._require_unchanged(path, file)
        _require_readable(path, file)
        yield path
        self._require_unchanged(path, file)

    def _require_unchanged(self, path: Path, file: LandedFile) -> None:
        if not path.is_file() or self._landed(path, file.path) != file:
            raise FileUnreadable(file.path, "the file changed while it was being read; run the month again")

    @staticmethod
    def _landed(path: Path, relative: str) -> LandedFile:
        stat = path.stat()
        etag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}"
        return LandedFile(relative, stat.st_size, etag, stat.st_mtime, stat.st_ctime_ns)


@contextmanager
def _listing(folder: Path) -> Iterator[None]:
    """What the file system refuses, as an error that names the place; a file that is gone meanwhile is no problem."""
    try:
        yield
    except OSError as error:
        raise NotListed(
            f"{error.filename or folder} cannot be listed ({error.strerror}), so nobody knows which files have landed. "
            "Grant this account access, or bring the storage back. What was loaded stays."
        ) from error


def _raise_unless_gone(error: OSError) -> None:
    """A folder that does not exist has no files; any other reason why it is not listed is one to stop."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _require_readable(path: Path, file: LandedFile) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); grant this account access to it, and run the month again"
        raise FileUnreadable(file.path, problem) from error
