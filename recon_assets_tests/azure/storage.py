"""Tests of the suite on Azure: what they write into a landing folder is put into a container before it is looked at.

So a test is written once, with folders, and runs on both storages. Published tables live in the container alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from recon_assets import platform as platform_module
from recon_assets.azure.account import StorageAccount
from recon_assets.azure.cache import FileCache
from recon_assets.azure.urls import AzureUrl
from recon_assets.errors import InputError
from recon_assets.lakehouse.azure import AzureTables
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.landing.blob import BlobStore
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings

_CACHE_BYTES = 10**9


@dataclass
class AzureStorage:
    """One container that stands for every folder a test uses."""

    account: StorageAccount
    container: str
    caches: Path
    asked: list[str] = field(default_factory=list)  # what the test made the suite's stores do
    _stores: dict[Path, "MirroredStore"] = field(default_factory=dict)
    _published: dict[Path, PublishedStore] = field(default_factory=dict)

    def landing(self, root: Path) -> "MirroredStore":
        if root not in self._stores:
            url = AzureUrl(self.container, f"landing-{len(self._stores)}")
            cache = FileCache(self.caches / url.folder, _CACHE_BYTES)
            store = BlobStore(url, self.account.container(self.container), cache)
            self._stores[root] = MirroredStore(root, store, self.asked)
        return self._stores[root]

    def published(self, root: Path) -> PublishedStore:
        """The published tables that belong to `root`, beginning with what is in that folder already."""
        if root not in self._published:
            url = AzureUrl(self.container, f"published-{len(self._published)}")
            container = self.account.container(self.container)
            for path in sorted(path for path in root.rglob("*") if path.is_file()):
                container.upload(url.prefix + path.relative_to(root).as_posix(), path)
            cache = FileCache(self.caches / url.folder, _CACHE_BYTES)
            self._published[root] = PublishedStore(
                cache.files, _WatchedTables(url, self.account, container, cache, self.asked)
            )
        return self._published[root]

    def use_for_platforms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Platforms of folder settings, made in this process, live in the container."""

        def landing_store(settings: Settings, account: object = None) -> FileStore:
            return self.landing(settings.landing)

        def published_store(settings: Settings, account: object = None) -> PublishedStore:
            return self.published(settings.published)

        monkeypatch.setattr(platform_module, "landing_store", landing_store)
        monkeypatch.setattr(platform_module, "published_store", published_store)


@dataclass(frozen=True)
class _WatchedTables(AzureTables):
    asked: list[str] = field(default_factory=list)

    def uri(self, table: str) -> str:
        self.asked.append(table)
        return super().uri(table)


@dataclass
class MirroredStore:
    """A blob store that first takes over what changed in a local folder. Times are those of the local files."""

    root: Path
    store: BlobStore
    asked: list[str]
    _held: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.store.name

    def exists(self) -> bool:
        return self.root.is_dir()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        if not self.root.is_dir():
            raise InputError(f"The landing zone {self.root} does not exist. Create it, or set RECON_LANDING_URL.")
        self.take_over()
        for file in self.store.list_files(prefix):
            landed_at = (self.root / file.path).stat().st_mtime
            yield LandedFile(file.path, file.size, file.etag, landed_at)

    def open_local(self, file: LandedFile):  # type: ignore[no-untyped-def]
        self.take_over()
        return self.store.open_local(file)

    def take_over(self) -> None:
        self.asked.append(self.name)
        here = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.resolve().is_relative_to(self.root.resolve()):
                stat = path.stat()
                here[path.relative_to(self.root).as_posix()] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        for name in self._held.keys() - here.keys():
            self.store.container.delete(self.store.url.prefix + name)
        for name, changed in here.items():
            if self._held.get(name) != changed:
                self.store.container.upload(self.store.url.prefix + name, self.root / name)
        self._held = here
