"""The platform's parts, put together from the settings: what assets, jobs and the console script work with."""

from dataclasses import dataclass

from recon_assets.clock import Clock, utc_now
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.raw import RawStore
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FileStore, FolderStore
from recon_assets.settings import Settings, load_settings
from recon_assets.sources.loading import Load, load_month
from recon_assets.sources.registry import SOURCES


@dataclass(frozen=True)
class Platform:
    settings: Settings
    landing: FileStore
    raw: RawStore
    published: PublishedStore
    clock: Clock

    @classmethod
    def from_settings(cls, settings: Settings | None = None, clock: Clock = utc_now) -> "Platform":
        settings = settings or load_settings()
        return cls(
            settings, FolderStore(settings.landing), RawStore(settings.raw), PublishedStore(settings.published), clock
        )

    def load(self, source: str, month: str) -> Load:
        """Load one month of a source from what has landed of it now."""
        files = discover(self.landing, source).get(month, [])
        return load_month(source, month, files, self.landing, self.raw, self.settings, self.clock)

    def landed_months(self) -> list[str]:
        """Every month of which any source has a file, in order; empty without a landing zone."""
        if not self.settings.landing.is_dir():
            return []
        return sorted({month for source in SOURCES for month in discover(self.landing, source)})
