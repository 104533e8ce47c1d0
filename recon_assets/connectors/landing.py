"""Where a connector puts what it fetched: a version of files appears whole, its manifest last.

`LandingWriter` is what a store has to offer; the folder is here. In Azure Blob storage a version is its files, then its
manifest: readers take a version only by its manifest.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recon_assets.errors import InputError

MANIFEST = "manifest.json"
_INCOMING = ".incoming"


class LandingWriter(Protocol):
    """Paths are relative to the landing zone's root, with forward slashes, in every store."""

    def list_sizes(self, folder: str) -> dict[str, int]:
        """Path and size in bytes of every file below `folder`; empty without such a folder."""

    def read_bytes(self, path: str) -> bytes:
        """Content of a small file."""

    def publish(self, folder: str, files: Mapping[str, Path], manifest: bytes) -> None:
        """Make `folder` hold exactly these local files, by name, and manifest.json, which appears last."""


@dataclass(frozen=True)
class FolderWriter:
    """The landing zone as a folder: a version is put together out of sight and then renamed into place."""

    root: Path

    def list_sizes(self, folder: str) -> dict[str, int]:
        if not self.root.is_dir():
            raise InputError(f"The landing zone {self.root} does not exist. Create it, or set RECON_LANDING_URL.")
        return {
            path.relative_to(self.root).as_posix(): path.stat().st_size
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and not path.is_symlink()
        }

    def read_bytes(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def publish(self, folder: str, files: Mapping[str, Path], manifest: bytes) -> None:
        # No reader looks into .incoming: it is below no source's prefix (spec/sources.md).
        incoming = self.root / _INCOMING / hashlib.sha256(folder.encode()).hexdigest()[:16]
        _remove(incoming)
        fresh, replaced = incoming / "fresh", incoming / "replaced"
        for name, local in files.items():
            _place(local, fresh / name)
        fresh.mkdir(parents=True, exist_ok=True)
        _write_synced(fresh / MANIFEST, manifest)
        target = self.root / folder
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # never a complete version: those are not published again
            target.rename(replaced)
        fresh.rename(target)
        _remove(incoming)


def _place(local: Path, target: Path) -> None:
    """A hard link, so that nothing is lost or copied when this is interrupted; a copy on another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(local, target)
    except OSError:
        shutil.copyfile(local, target)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
