"""Closings in the Dagster UI: observations on the month of the publication's asset."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from recon_assets.home import open_instance
from recon_assets.lakehouse.log import Closing
from recon_assets.settings import Settings


def closing_observation(closing: Closing, text: str, **metadata: Any) -> dg.AssetObservation:
    """Who closed or reopened the month, when, at which publication and why."""
    done = "closed" if closing.action == "close" else "reopened"
    content = {
        f"{done}_by": closing.recorded_by,
        f"{done}_at": dg.MetadataValue.timestamp(closing.recorded_at),
        "closed_at_publication_of": closing.run_id,
        **({"reason": closing.reason} if closing.reason else {}),
        **metadata,
    }
    key = dg.AssetKey(["published", closing.reconciliation])
    return dg.AssetObservation(key, description=text, partition=closing.month, metadata=content)


def show_closings(settings: Settings, closings: Iterable[Closing]) -> None:
    """Record closings that the console script made, which belong to no run."""
    with open_instance(settings) as instance:
        for closing in closings:
            instance.report_runless_asset_event(closing_observation(closing, f"{closing.text}."))
