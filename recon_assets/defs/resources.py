"""The Dagster resource that hands the platform to assets and sensors."""

import dagster as dg

from recon_assets.platform import Platform


class PlatformResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The platform as the settings (`RECON_*`) describe it, read when a run starts."""

    def get(self) -> Platform:
        return Platform.from_settings()
