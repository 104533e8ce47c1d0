"""The Dagster resource that hands the platform to assets and sensors."""

import dagster as dg

from recon_assets.azure.urls import is_azure
from recon_assets.platform import Platform
from recon_assets.settings import Settings


class PlatformResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The platform as the settings (`RECON_*`) describe it, read when a run starts."""

    def get(self) -> Platform:
        return Platform.from_settings()


def platform_resource(settings: Settings) -> PlatformResource:
    """The platform; with az:// settings on the account that dagster-azure's resource opens."""
    if not (is_azure(settings.landing_url) or is_azure(settings.published_url)):
        return PlatformResource()
    from recon_assets.defs.azure import azure_platform_resource  # dagster_azure takes seconds to import

    return azure_platform_resource()
