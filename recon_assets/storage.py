"""The landing zone and the published tables of the settings. Apart from the platform: who reads needs no loads."""

from typing import TYPE_CHECKING

from recon_assets.azure.cache import FileCache
from recon_assets.azure.settings import load_azure_settings
from recon_assets.azure.urls import is_azure, parse_azure_url
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.landing.store import FileStore, FolderStore
from recon_assets.settings import Settings

if TYPE_CHECKING:
    from recon_assets.azure.account import StorageAccount

# What knows Azure is imported only where an az:// URL asks for it: azure-storage-blob takes half a second.


def landing_store(settings: Settings, account: "StorageAccount | None" = None) -> FileStore:
    if not is_azure(settings.landing_url):
        return FolderStore(settings.landing)
    from recon_assets.landing.blob import BlobStore

    url, account = parse_azure_url(str(settings.landing_url)), account or open_account()
    return BlobStore(url, account.container(url.container), _cache(settings, account, "landing"))


def published_store(settings: Settings, account: "StorageAccount | None" = None) -> PublishedStore:
    if not is_azure(settings.published_url):
        return PublishedStore(settings.published)
    from recon_assets.lakehouse.azure import AzureTables

    url, account = parse_azure_url(str(settings.published_url)), account or open_account()
    cache = _cache(settings, account, "published")
    return PublishedStore(cache.files, AzureTables(url, account, account.container(url.container), cache))


def published_for_readers(settings: Settings) -> PublishedStore:
    """The published tables for somebody who waits: on Azure a fault is said within seconds, not after minutes."""
    return published_store(settings, open_account(is_patient=False) if is_azure(settings.published_url) else None)


def open_account(is_patient: bool = True) -> "StorageAccount":
    from recon_assets.azure.account import open_account as opened

    settings = load_azure_settings()
    return opened(settings if is_patient else settings.impatient())


def _cache(settings: Settings, account: "StorageAccount", name: str) -> FileCache:
    return FileCache((settings.home / "cache" / name).absolute(), account.settings.cache_bytes)
