"""Where a connector puts what it fetched: a version of files appears whole, its manifest last.

`LandingWriter` is what a store has to offer; the folder and the container of Azure Blob storage are here.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recon_assets.azure.urls import is_azure, parse_azure_url
from recon_assets.errors import InputError
from recon_assets.settings import Settings

if TYPE_CHECKING:
    from recon_assets.azure.container import BlobContainer

MANIFEST = "manifest.json"
_NOT_IN_NAMES = frozenset('\\/:*?"<>|') | {chr(code) for code in [*range(32), *range(0xD800, 0xE000)]}
_MOST_BYTES = 255  # of a name on nearly every file system
_INCOMING = ".incoming"


class LandingWriter(Protocol):
    """Paths are relative to the landing zone's root, with forward slashes, in every store."""

    def put(self, path: str, content: Path | bytes) -> None:
        """Write one file, which appears whole, in place of one that is there."""

    def remove(self, path: str) -> None:
        """Take one file away; nothing when it is not there."""

    def list_sizes(self, folder: str) -> dict[str, int]:
        """Path and size in bytes of every file below `folder`; empty without such a folder."""

    def read_bytes(self, path: str) -> bytes:
        """Content of a small file; FileNotFoundError when it is not there."""

    def publish(self, folder: str, files: Mapping[str, Path], manifest: bytes) -> None:
        """Make `folder` hold exactly these local files, by name, and manifest.json, which appears last."""


def is_storable(name: str) -> bool:
    """Whether a name can be a segment of a path on every system, and none that the landing zone keeps for itself."""
    if not name or _NOT_IN_NAMES & set(name) or name[0] == "." or name[-1] in ". ":
        return False
    return len(name) <= 200 and len(name.encode()) <= _MOST_BYTES


@dataclass(frozen=True)
class FolderWriter:
    """The landing zone as a folder: a version is put together out of sight and then renamed into place."""

    root: Path

    def list_sizes(self, folder: str) -> dict[str, int]:
        self._require_root()
        return {
            path.relative_to(self.root).as_posix(): path.stat().st_size
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and not path.is_symlink()
        }

    def read_bytes(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def put(self, path: str, content: Path | bytes) -> None:
        self._require_root()
        incoming = self.root / _INCOMING / uuid.uuid4().hex
        incoming.parent.mkdir(parents=True, exist_ok=True)
        try:
            if isinstance(content, Path):
                shutil.copyfile(content, incoming)
            else:
                _write_synced(incoming, content)
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            incoming.replace(target)
        finally:
            incoming.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

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

    def _require_root(self) -> None:
        if not self.root.is_dir():
            raise InputError(f"The landing zone {self.root} does not exist. Create it, or set RECON_LANDING_URL.")


@dataclass(frozen=True)
class ContainerWriter:
    """The landing zone in Azure Blob storage: a blob appears whole, and the manifest after the files it names."""

    container: "BlobContainer"
    prefix: str  # empty, or a folder with its trailing slash

    def put(self, path: str, content: Path | bytes) -> None:
        self.container.upload(self.prefix + path, content)

    def remove(self, path: str) -> None:
        self.container.delete(self.prefix + path)

    def list_sizes(self, folder: str) -> dict[str, int]:
        blobs = self.container.list_blobs(f"{self.prefix}{folder}/" if folder else self.prefix)
        return {blob.name.removeprefix(self.prefix): blob.size for blob in blobs}

    def read_bytes(self, path: str) -> bytes:
        content = self.container.read(self.prefix + path)
        if content is None:
            raise FileNotFoundError(path)
        return content

    def publish(self, folder: str, files: Mapping[str, Path], manifest: bytes) -> None:
        """Readers take a version only by its manifest: it goes first when the version is replaced, and comes last."""
        self.container.delete(f"{self.prefix}{folder}/{MANIFEST}")
        for path in self.list_sizes(folder):
            if path.removeprefix(f"{folder}/") not in files:
                self.container.delete(self.prefix + path)
        for name, local in files.items():
            self.put(f"{folder}/{name}", local)
        self.put(f"{folder}/{MANIFEST}", manifest)


def landing_writer(settings: Settings) -> LandingWriter:
    """A writer into the landing zone of the settings."""
    if not is_azure(settings.landing_url):
        return FolderWriter(settings.landing)
    from recon_assets.azure.account import open_account

    url = parse_azure_url(str(settings.landing_url))
    return ContainerWriter(open_account().container(url.container), url.prefix)


def move_into_landing(settings: Settings, folder: Path) -> None:
    """Put every file below a local folder into the landing zone, manifests last, and remove the folder."""
    writer = landing_writer(settings)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path.name == MANIFEST):
        writer.put(path.relative_to(folder).as_posix(), path)
    _remove(folder)


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
