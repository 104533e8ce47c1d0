"""The platform's parts, put together from the settings: what assets, jobs and the console script work with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon_assets.azure.urls import is_azure
from recon_assets.catalogue import SOURCES
from recon_assets.clock import Clock, utc_now
from recon_assets.errors import InputError, NotListed
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.raw import RawStore
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings, load_settings
from recon_assets.sources.freshness import Reason, why_load
from recon_assets.storage import landing_store, open_account, published_store

if TYPE_CHECKING:
    from recon_assets.azure.account import StorageAccount
    from recon_assets.sources.loading import Load


@dataclass(frozen=True)
class Platform:
    settings: Settings
    landing: FileStore
    raw: RawStore
    published: PublishedStore
    clock: Clock

    @classmethod
    def from_settings(
        cls, settings: Settings | None = None, clock: Clock = utc_now, account: "StorageAccount | None" = None
    ) -> "Platform":
        """The platform of the settings; `account` is the storage account of az:// URLs when it is open already."""
        settings = settings or load_settings()
        if account is None and (is_azure(settings.landing_url) or is_azure(settings.published_url)):
            account = open_account()
        landing, published = landing_store(settings, account), published_store(settings, account)
        return cls(settings, landing, RawStore(settings.raw), published, clock)

    def load(self, source: str, month: str) -> "Load":
        """Load one month of a source from what has landed of it now."""
        from recon_assets.sources.loading import load_month  # half a second with polars and pandas

        files = discover(self.landing, source).get(month, [])
        return load_month(source, month, files, self.landing, self.raw, self.settings, self.clock)

    def why_load(self, source: str, month: str, files: list[LandedFile]) -> Reason | None:
        """Why the landed `files` of a month are to be loaded; None when they are what is loaded."""
        return why_load(source, month, files, self.landing, self.raw, self.settings)

    def has_landing(self) -> bool:
        """Whether the landing zone is there, which the first run makes; InputError when a setting names none."""
        is_there = self.landing.exists()
        if not is_there and self.settings.landing_url:
            raise InputError(
                f"RECON_LANDING_URL: {self.landing.name} does not exist. Create it, or correct the setting."
            )
        return is_there

    def landed_months(self) -> list[str]:
        """Every month of which any source has a file, in order; empty without a landing zone.

        A source that cannot be listed counts with what is loaded of it: its loads fail and say so, the others go on.
        """
        months: set[str] = set()
        for source in SOURCES if self.has_landing() else []:
            try:
                months.update(discover(self.landing, source))
            except NotListed:
                months.update(self.raw.months(source))
        return sorted(months)
