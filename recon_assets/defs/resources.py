"""The Dagster resource that hands the platform to assets and sensors."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import dagster as dg

from recon_assets.azure.urls import is_azure
from recon_assets.clock import Clock, utc_now
from recon_assets.platform import Platform
from recon_assets.settings import Settings

if TYPE_CHECKING:
    from recon_assets.azure.account import StorageAccount


# Dagster makes resources anew from their settings for each run: what is no setting has to reach them like this.
_clock: ContextVar[Clock] = ContextVar("clock", default=utc_now)


@contextmanager
def time_from(clock: Clock) -> Iterator[None]:
    """Runs, sensors and schedules of this process take the time from `clock`, and months exist up to its own."""
    token = _clock.set(clock)
    try:
        with dg.partition_loading_context(effective_dt=clock()):
            yield
    finally:
        _clock.reset(token)


class PlatformResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The platform as the settings (`RECON_*`) describe it, read when a run starts."""

    def get(self) -> Platform:
        return Platform.from_settings(clock=_clock.get(), account=self._account())

    def _account(self) -> "StorageAccount | None":
        """The storage account of az:// URLs, where it is open already."""
        return None


def platform_resource(settings: Settings) -> PlatformResource:
    """The platform; with az:// settings on the account that dagster-azure's resource opens."""
    if not (is_azure(settings.landing_url) or is_azure(settings.published_url)):
        return PlatformResource()
    from recon_assets.defs.azure import azure_platform_resource  # dagster_azure takes seconds to import

    return azure_platform_resource()
