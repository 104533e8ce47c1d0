"""The month partitions, one definition for all assets, and how a month depends on its neighbours' raw months."""

import dagster as dg

from recon_assets.catalogue import SourceWindow
from recon_assets.clock import Clock
from recon_assets.months import add_months, month_of, months_between
from recon_assets.platform import Platform


def month_partitions(platform: Platform) -> dg.MonthlyPartitionsDefinition:
    """Every month from the oldest landed one to the current one, or the newest landed if later.

    `first_month` adds months before the oldest landed one; without it none is shown as missing that nobody landed. As
    long as nothing landed there is a year to fetch.
    """
    landed, current = platform.landed_months(), current_month(platform.clock)
    known = [month for month in (platform.settings.first_month, *landed[:1]) if month]
    first = min(known, default=add_months(current, -11))
    beyond = max(0, months_between(current, landed[-1])) if landed else 0
    return dg.MonthlyPartitionsDefinition(start_date=first, fmt="%Y-%m", end_offset=1 + beyond)


def current_month(clock: Clock) -> str:
    return month_of(clock().date())


def window_mapping(window: SourceWindow) -> dg.TimeWindowPartitionMapping:
    """A month needs the raw months of its selection window; those that do not exist (yet) are clipped."""
    return dg.TimeWindowPartitionMapping(
        start_offset=window.from_offset, end_offset=window.to_offset, allow_nonexistent_upstream_partitions=True
    )
