"""What there is of each month: landed, loaded and published, whether or not it was ever published."""

from collections.abc import Collection
from dataclasses import dataclass

from recon_assets.catalogue import SUBJECTS, SourceWindow, load_windows, source_windows, sources_of
from recon_assets.errors import NotListed
from recon_assets.landing.discovery import discover
from recon_assets.months import add_months
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import Landed, window_status
from recon_assets.platform import Platform
from recon_assets.sources.freshness import Reason


@dataclass(frozen=True)
class MonthStatus:
    """One month of one reconciliation. `window_status` is of what has landed now, `published_*` of what readers see."""

    month: str
    reconciliation: str
    window_status: str
    landed: dict[str, list[str]]  # source -> files of the month itself
    missing: list[str]  # sources and months of the window that have not landed
    not_loaded: list[str]  # landed, but new or changed since they were loaded, or damaged
    older_reader: list[str]  # loaded by an older version or with other settings: a load would read them anew
    gone: list[str]  # loaded, but their files are gone: a load makes them absent
    failed: list[str]  # why the last load of a month of the window failed
    warned: list[str]  # what the loads of the month's own files warn of
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


@dataclass(frozen=True)
class Overview:
    """Every month, and why the files of some sources could not be listed: those months are told as they are loaded."""

    months: list[MonthStatus]
    problems: list[str]


def overview(platform: Platform) -> Overview:
    """Every landed or published month of every reconciliation, in order of month."""
    published = _published(platform)
    problems: list[str] = []
    found = []
    for subject in SUBJECTS:
        landed, unlisted = _landed(platform, subject, problems)
        months = {month for files in landed.values() for month in files}
        months |= {month for month, reconciliation in published if reconciliation == subject}
        for month in months:
            state = _state(platform, subject, month, landed, unlisted)
            found.append(MonthStatus(month, subject, **state, **published.get((month, subject)) or _NOT_PUBLISHED))  # type: ignore[arg-type]
    return Overview(sorted(found, key=lambda status: (status.month, status.reconciliation)), problems)


def _landed(platform: Platform, subject: str, problems: list[str]) -> tuple[Landed, set[str]]:
    """Landed files of a subject, and the sources that cannot be listed: of those the loaded months, without files."""
    landed: Landed = {}
    unlisted = set()
    has_landing = platform.has_landing()
    for source in sources_of(subject):
        try:
            landed[source.name] = discover(platform.landing, source.name) if has_landing else {}
        except NotListed as error:
            problems.append(f"{source.name}: {error}")
            unlisted.add(source.name)
            landed[source.name] = {month: [] for month in platform.raw.months(source.name)}
    return landed, unlisted


def _state(platform: Platform, subject: str, month: str, landed: Landed, unlisted: set[str]) -> dict[str, object]:
    """What has landed of the month and its window, and how far it is loaded: fields of MonthStatus."""
    windows = load_windows(subject)
    in_window = [(w, add_months(month, offset)) for w in windows for offset in w.offsets]
    compared = [(w, other) for w, other in in_window if w in source_windows(subject)]
    failures = [platform.raw.read_failed(w.source, other) for w, other in in_window]
    reasons = {
        f"{w.source} {other}": platform.why_load(w.source, other, landed[w.source].get(other, []))
        for w, other in in_window
        if w.source not in unlisted
    }
    own = [platform.raw.read(w.source, other) for w, other in in_window if other == month]
    present = {source: set(months) for source, months in landed.items()}
    return {
        "window_status": window_status(
            subject, month, present, platform.clock().date(), platform.settings.einvoices_expected_from
        ),
        "landed": {s: [file.path for file in months[month]] for s, months in landed.items() if months.get(month)},
        "missing": [text for w, other in compared if (text := _missing(w, month, other, landed[w.source]))],
        "not_loaded": _with_reason(reasons, "new", "changed", "damaged"),
        "older_reader": _with_reason(reasons, "older_reader"),
        "gone": _with_reason(reasons, "gone"),
        "failed": [f"{failed.source} {failed.month}: {'; '.join(failed.problems)}" for failed in failures if failed],
        "warned": [f"{file.path}: {text}" for loaded in own if loaded for file in loaded.files for text in file.warned],
    }


def _missing(window: SourceWindow, month: str, other: str, landed: Collection[str]) -> str:
    """A month of the window that has not landed, or nothing. Before a source's first month none is awaited."""
    is_awaited = window.required and (other == month or other >= min(landed, default=other))
    return "" if other in landed else f"{window.source} {other}" + ("" if is_awaited else " (optional)")


def _with_reason(reasons: dict[str, Reason | None], *wanted: Reason) -> list[str]:
    return [name for name, reason in reasons.items() if reason in wanted]


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
