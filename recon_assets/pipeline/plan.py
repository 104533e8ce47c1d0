"""What must be loaded before months can be reconciled, and what has landed of each month."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon_assets.catalogue import SOURCES, SUBJECTS, load_windows, sources_of
from recon_assets.errors import NotListed
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import add_months, first_day, month_of

if TYPE_CHECKING:
    from recon_assets.platform import Platform

EINVOICES = "einvoices"  # the source of which a month may have no file yet
Landed = dict[str, dict[str, list[LandedFile]]]  # source -> month -> files


@dataclass(frozen=True, order=True)
class PlannedLoad:
    month: str
    source: str


def landed_files(store: FileStore, subject: str) -> Landed:
    """Every landed file of a subject's sources, by source and month."""
    return {source.name: discover(store, source.name) for source in sources_of(subject)}


def landed_subjects(store: FileStore) -> list[str]:
    """Subjects of which at least one file has landed, in their order: what a run without a choice reconciles."""
    return [subject for subject in SUBJECTS if _has_landed(store, subject)]


def _has_landed(store: FileStore, subject: str) -> bool:
    """Where it cannot be listed it counts, so that the run says so."""
    try:
        return any(landed_files(store, subject).values())
    except NotListed:
        return True


def first_and_last_month(platform: "Platform") -> tuple[str, str]:
    """Of all months that there are: from the oldest landed one to the current one, or the newest landed if later.

    `first_month` adds months before the oldest landed one; without it none is shown as missing that nobody landed. As
    long as nothing landed there is a year to fetch.
    """
    landed, current = platform.landed_months(), month_of(platform.clock().date())
    known = [month for month in (platform.settings.first_month, *landed[:1]) if month]
    return min(known, default=add_months(current, -11)), max([current, *landed[-1:]])


def plan_loads(subject: str, months: list[str], landed: Landed, platform: "Platform") -> list[PlannedLoad]:
    """Raw months to load before `months` are built: landed, not yet loaded or changed, and in reach of a window.

    Reach goes back to the oldest landed month (items longer than a month). Invoices are identified over all landed
    files (5.6) whatever their folder, so BSS months after the window are in reach too. Sources that load their window
    only leave other months alone; of those that load `all`, documents of any two months may meet. A loaded month whose
    files are gone is in the plan: loading it makes it absent. So is every damaged one: builds read all months of a
    source.
    """
    planned = []
    for window in load_windows(subject):
        reach = add_months(max(months), window.to_offset)
        files = landed[window.source]
        for month in sorted({*files, *platform.raw.recorded_months(window.source)}):
            source = SOURCES[window.source]
            in_reach = source.loads == "all" or month <= reach or source.month_from == "folder"
            if source.loads == "window":
                in_reach = add_months(min(months), window.from_offset) <= month <= reach
            why = platform.why_load(window.source, month, files.get(month, []))
            if why == "damaged" or (in_reach and why):
                planned.append(PlannedLoad(month, window.source))
    return sorted(planned)


def window_status(
    subject: str,
    month: str,
    present: dict[str, set[str]],
    today: dt.date | None = None,
    einvoices_expected_from: str | None = None,
) -> str:
    """final, provisional or incomplete, from the months of each source that are there (spec/warehouse.md).

    What lies before the first month of a source is absent for good: no later file brings it. Months of a subject that
    has to settle are final only some days after their end, by `today`. From `einvoices_expected_from` on, a month
    without any e-invoice is provisional.

    The twin of marts/shared/month_status.sql, for months that are not published; a test holds them together.
    """
    kinds = required_kinds(subject)
    absent = [kind for kind in kinds if not any(month in present[source] for source in kind.sources)]
    if absent:
        come_later = einvoices_expected_from is not None and month >= einvoices_expected_from
        return "provisional" if come_later and all(kind.sources == (EINVOICES,) for kind in absent) else "incomplete"
    needed = (
        any(other in present[source] for source in kind.sources)
        for kind in kinds
        for first in [min(min(present[source]) for source in kind.sources if present[source])]
        for offset in range(kind.first_offset, kind.last_offset + 1)
        if (other := add_months(month, offset)) >= first
    )
    settle_days = SUBJECTS[subject].settle_days
    settles = first_day(add_months(month, 1)) + dt.timedelta(days=settle_days)
    is_settled = not settle_days or (today is not None and today >= settles)
    return "final" if all(needed) and is_settled else "provisional"


@dataclass(frozen=True)
class RequiredKind:
    """Sources of which a month needs at least one, and the months that `final` asks for, as offsets."""

    sources: tuple[str, ...]
    first_offset: int
    last_offset: int


def required_kinds(subject: str) -> list[RequiredKind]:
    """What a month of a subject requires: single sources, or one of those that stand in for each other."""
    kinds = []
    for group in SUBJECTS[subject].required:
        source = SOURCES[group[0]]
        first = source.window.from_offset if source.final_from is None else source.final_from
        kinds.append(RequiredKind(group, first, source.window.to_offset))
    return kinds
