"""What must be loaded before months can be reconciled, and what has landed of each month."""

import datetime as dt
from dataclasses import dataclass

from recon_assets.lakehouse.raw import RawStore
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import add_months, first_day
from recon_assets.pipeline.project import source_windows
from recon_assets.sources.loading import needs_load
from recon_assets.sources.registry import SETTLE_DAYS, SOURCES, sources_of

Landed = dict[str, dict[str, list[LandedFile]]]  # source -> month -> files


@dataclass(frozen=True, order=True)
class PlannedLoad:
    month: str
    source: str


def landed_files(store: FileStore, subject: str) -> Landed:
    """Every landed file of a subject's sources, by source and month."""
    return {source.name: discover(store, source.name) for source in sources_of(subject)}


def plan_loads(subject: str, months: list[str], landed: Landed, raw: RawStore) -> list[PlannedLoad]:
    """Raw months to load before `months` are built: landed, not yet loaded or changed, and in reach of a window.

    Reach goes back to the oldest landed month (items longer than a month). Invoices are identified over all landed
    files (5.6) whatever their folder, so BSS months after the window are in reach too. A loaded month whose files
    are gone is in the plan: loading it makes it absent.
    """
    planned = []
    for window in source_windows(subject):
        reach = add_months(max(months), window.to_offset)
        files = landed[window.source]
        for month in sorted({*files, *raw.months(window.source)}):
            if window.from_offset == window.to_offset == 0 and month not in months:
                continue
            in_reach = month <= reach or SOURCES[window.source].month_from == "folder"
            if in_reach and needs_load(window.source, month, files.get(month, []), raw):
                planned.append(PlannedLoad(month, window.source))
    return sorted(planned)


def months_touched(source: str, month: str, subject: str) -> list[str]:
    """Months whose selection window holds `month` of `source`: those to bring up to date when it changes."""
    window = next(w for w in source_windows(subject) if w.source == source)
    return [add_months(month, -offset) for offset in range(window.to_offset, window.from_offset - 1, -1)]


def window_status(subject: str, month: str, present: dict[str, set[str]], today: dt.date | None = None) -> str:
    """final, provisional or incomplete, from the months of each source that are there (spec/warehouse.md).

    Months of a subject that has to settle are final only some days after their end, by `today`.

    The twin of marts/shared/month_status.sql, for months that are not published; a test holds them together.
    """
    required = [window for window in source_windows(subject) if window.required]
    if any(month not in present[window.source] for window in required):
        return "incomplete"
    needed = (
        add_months(month, offset) in present[window.source]
        for window in required
        for offset in range(window.from_offset, window.to_offset + 1)
    )
    settles = first_day(add_months(month, 1)) + dt.timedelta(days=SETTLE_DAYS.get(subject, 0))
    is_settled = subject not in SETTLE_DAYS or (today is not None and today >= settles)
    return "final" if all(needed) and is_settled else "provisional"
