"""A container of the emulator, reached through a proxy that can spoil answers, and what the suite's stores see of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recon_assets.azure.cache import FileCache
from recon_assets.azure.container import BlobContainer
from recon_assets.azure.urls import AzureUrl
from recon_assets.lakehouse.azure import AzureTables
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.landing.blob import BlobStore
from recon_assets_tests.azure.azurite import Azurite, account_at
from recon_assets_tests.azure.faults import FaultProxy


@pytest.fixture(scope="session")
def running_proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    proxy = FaultProxy(azurite.url)
    yield proxy
    proxy.stop()


@pytest.fixture
def proxy(running_proxy: FaultProxy) -> Iterator[FaultProxy]:
    """Every planted fault must have happened by the end of the test."""
    running_proxy.reset()
    yield running_proxy
    assert running_proxy.is_used_up


class Reached:
    """One container, directly (`container`) and through the proxy (`store`, `published`)."""

    def __init__(self, azurite: Azurite, proxy: FaultProxy, folder: Path) -> None:
        self.name = azurite.new_container()
        self.slept: list[float] = []
        self.container: BlobContainer = account_at(azurite.url).container(self.name)
        self._proxy, self._folder = proxy, folder

    def account(self, **settings: object):  # type: ignore[no-untyped-def]
        account = account_at(self._proxy.url, **settings)
        return replace(account, policy=replace(account.policy, sleep=self.slept.append))

    def store(self, cache_bytes: int = 10**9, **settings: object) -> BlobStore:
        cache = FileCache(self._folder / "cache" / "landing", cache_bytes)
        return BlobStore(AzureUrl(self.name, "landing"), self.account(**settings).container(self.name), cache)

    def published(self, **settings: object) -> PublishedStore:
        account = self.account(**settings)
        cache = FileCache(self._folder / "cache" / "published", 10**9)
        tables = AzureTables(AzureUrl(self.name, "published"), account, account.container(self.name), cache)
        return PublishedStore(cache.files, tables)

    def land(self, path: str, content: bytes) -> None:
        self.container.upload(f"landing/{path}", content)


@pytest.fixture
def reached(azurite: Azurite, proxy: FaultProxy, tmp_path: Path) -> Reached:
    return Reached(azurite, proxy, tmp_path)
