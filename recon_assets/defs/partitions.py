"""The month partitions, one definition for all assets, and how a month depends on its neighbours' raw months."""

import dagster as dg

from recon_assets.catalogue import SourceWindow
from recon_assets.clock import Clock
from recon_assets.months import month_of, months_between
from recon_assets.pipeline.plan import first_and_last_month
from recon_assets.platform import Platform


def month_partitions(platform: Platform) -> dg.MonthlyPartitionsDefinition:
    """A partition for each of the months that there are (plan.py)."""
    first, last = first_and_last_month(platform)
    beyond = months_between(current_month(platform.clock), last)
    return dg.MonthlyPartitionsDefinition(start_date=first, fmt="%Y-%m", end_offset=1 + beyond)


def current_month(clock: Clock) -> str:
    return month_of(clock().date())


def window_mapping(window: SourceWindow) -> dg.TimeWindowPartitionMapping:
    """A month needs the raw months of its selection window; those that do not exist (yet) are clipped."""
    return dg.TimeWindowPartitionMapping(
        start_offset=window.from_offset, end_offset=window.to_offset, allow_nonexistent_upstream_partitions=True
    )
