"""What there is of each month: landed, loaded and published, whether or not it was ever published."""

from collections.abc import Collection
from dataclasses import dataclass

from recon_assets.catalogue import SUBJECTS, SourceWindow, source_windows
from recon_assets.months import add_months
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import Landed, landed_files, window_status
from recon_assets.platform import Platform
from recon_assets.sources.loading import needs_load


@dataclass(frozen=True)
class MonthStatus:
    """One month of one reconciliation. `window_status` is of what has landed now, `published_*` of what readers see."""

    month: str
    reconciliation: str
    window_status: str
    landed: dict[str, list[str]]  # source -> files of the month itself
    missing: list[str]  # sources and months of the window that have not landed
    not_loaded: list[str]  # landed, but new or changed since they were loaded
    failed: list[str]  # why the last load of a month of the window failed
    published_at: str | None
    published_run: str | None
    published_window_status: str | None
    published_versions: dict[str, int]
    checks_passed: int | None
    checks_failed: int | None
    paired: int | None
    one_sided: int | None
    quarantined: int | None
    closed_at: str | None
    closed_by: str | None


def month_statuses(platform: Platform) -> list[MonthStatus]:
    """Every landed or published month of every reconciliation, in order of month."""
    published = _published(platform)
    found = []
    for subject in SUBJECTS:
        landed = landed_files(platform.landing, subject) if platform.landing.exists() else {}
        months = {month for files in landed.values() for month in files}
        months |= {month for month, reconciliation in published if reconciliation == subject}
        found += [_status(platform, subject, month, landed, published.get((month, subject), {})) for month in months]
    return sorted(found, key=lambda status: (status.month, status.reconciliation))


def _status(platform: Platform, subject: str, month: str, landed: Landed, published: dict[str, object]) -> MonthStatus:
    windows = source_windows(subject)
    files = {window.source: landed.get(window.source, {}) for window in windows}
    in_window = [(w, add_months(month, o)) for w in windows for o in range(w.from_offset, w.to_offset + 1)]
    failures = [platform.raw.read_failed(w.source, other) for w, other in in_window]
    return MonthStatus(
        month,
        subject,
        window_status(
            subject, month, {source: set(months) for source, months in files.items()}, platform.clock().date()
        ),
        {w.source: [f.path for f in files[w.source].get(month, [])] for w in windows if month in files[w.source]},
        [text for w, other in in_window if (text := _missing(w, month, other, files[w.source]))],
        [
            f"{w.source} {o}"
            for w, o in in_window
            if o in files[w.source] and needs_load(w.source, o, files[w.source][o], platform.raw, platform.settings)
        ],
        [f"{failed.source} {failed.month}: {'; '.join(failed.problems)}" for failed in failures if failed],
        **published or _NOT_PUBLISHED,  # type: ignore[arg-type]
    )


def _missing(window: SourceWindow, month: str, other: str, landed: Collection[str]) -> str:
    """A month of the window that has not landed, or nothing. Before a source's first month none is awaited."""
    is_awaited = window.required and (other == month or other >= min(landed, default=other))
    return "" if other in landed else f"{window.source} {other}" + ("" if is_awaited else " (optional)")


_NOT_PUBLISHED: dict[str, object] = {
    "published_at": None,
    "published_run": None,
    "published_window_status": None,
    "published_versions": {},
    "checks_passed": None,
    "checks_failed": None,
    "paired": None,
    "one_sided": None,
    "quarantined": None,
    "closed_at": None,
    "closed_by": None,
}


def _published(platform: Platform) -> dict[tuple[str, str], dict[str, object]]:
    current = platform.published.current()
    closed = platform.published.closed()
    if not current:
        return {}
    with platform.published.connect([published_marts()["month_status"]]) as connection:
        rows = connection.execute(
            "select strftime(billing_month, '%Y-%m'), reconciliation, window_status, checks_passed, checks_failed, "
            "paired_count, missing_count, left_rows_quarantined + right_rows_quarantined from marts.month_status"
        ).fetchall()
    return {
        (month, subject): {
            "published_at": current[month, subject].published_at.isoformat(),
            "published_run": current[month, subject].run_id,
            "published_window_status": window,
            "published_versions": {name: mart.version for name, mart in current[month, subject].marts.items()},
            "checks_passed": passed,
            "checks_failed": failed,
            "paired": paired,
            "one_sided": one_sided,
            "quarantined": quarantined,
            "closed_at": closed[month, subject].recorded_at.isoformat() if (month, subject) in closed else None,
            "closed_by": closed[month, subject].recorded_by if (month, subject) in closed else None,
        }
        for month, subject, window, passed, failed, paired, one_sided, quarantined in rows
    }
