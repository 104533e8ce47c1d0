"""Cost exports of Azure Cost Management: which runs there are, which months they serve, and whose files count.

Spec: usage_cost_reconciliation.md, precise rule 1; intake.md, 7.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recon_assets.errors import FileProblem, FileUnreadable
from recon_assets.landing.manifests import (
    Chosen,
    Part,
    Replaced,
    blob_name,
    blobs_of,
    folder_of,
    is_hidden,
    is_manifest,
    read_manifest,
    sortable_instant,
    whole,
)
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import first_day, is_month, last_day, month_range

# exportConfig.type without case -> kind of export and comparison; other types are no cost exports.
KINDS = {
    "actualcost": "actual_cost",
    "usage": "actual_cost",
    "amortizedcost": "amortized_cost",
    "focuscost": "focus_cost",
}
COMPARISONS = {"actual_cost": "actual_cost", "amortized_cost": "amortized_cost", "focus_cost": "focus"}
_RANGE = re.compile(r"(\d{8})-(\d{8})")
_MOST_MONTHS = 36  # of one run: longer ones are a mistake in a date


@dataclass(frozen=True)
class CostRun:
    """One run of a cost export; `problem` is set when its manifest cannot be understood."""

    manifest: LandedFile
    days: tuple[dt.date, dt.date]  # first and last
    kind: str
    export: str
    submitted: str  # sortable, UTC
    blobs: list[dict[str, Any]] = field(default_factory=list)
    blob_count: int | None = None
    byte_count: int | None = None
    problem: str | None = None

    @property
    def months(self) -> list[str]:
        return _months_of(self.days)

    @property
    def order(self) -> tuple[str, str]:
        return self.submitted, self.manifest.path

    def part_paths(self) -> list[str]:
        return [f"{folder_of(self.manifest.path)}/{blob_name(blob)}" for blob in self.blobs]


@dataclass(frozen=True)
class LooseFile:
    """A file without a manifest: in `<kind>/<month>/`, or directly in `<export>/<yyyymmdd-yyyymmdd>/`."""

    file: LandedFile
    days: tuple[dt.date, dt.date]
    export: str
    kind: str | None  # None: by its columns

    @property
    def months(self) -> list[str]:
        return _months_of(self.days)


def cost_run(store: FileStore, file: LandedFile) -> CostRun | None:
    """The run a manifest describes; None when it is no cost export, or nothing tells its month."""
    try:
        content = read_manifest(store, file)
        config, run = content.get("exportConfig") or {}, content.get("runInfo") or {}
        kind = KINDS.get(str(config.get("type")).replace("_", "").lower())
        if kind is None:
            return None
        days, submitted = _days_of_run(run), sortable_instant(run.get("submittedTime"))
        if days is None or submitted is None:
            raise FileProblem(file.path, "runInfo has no startDate and submittedTime that are instants; export again")
    except (AttributeError, FileProblem) as problem:
        placed = _days_in_path(file.path)
        if placed is None and isinstance(problem, FileUnreadable):  # nothing tells which months would lack it
            raise
        return CostRun(file, placed, "", "", "", problem=str(problem)) if placed else None
    named = (str(config.get(key) or "").strip().lower() for key in ("resourceId", "exportName"))
    return CostRun(
        file, days, kind, "|".join(named), submitted, blobs_of(content), whole(content.get("blobCount")),
        whole(content.get("byteCount")),
    )  # fmt: skip


def _days_of_run(run: Mapping[str, Any]) -> tuple[dt.date, dt.date] | None:
    """startDate to endDate; without an end that makes sense, the month of the start."""
    start, end = (_date(str(run.get(key))[:10]) for key in ("startDate", "endDate"))
    if start is None:
        return None
    last = last_day(f"{start:%Y-%m}")
    return (start, last) if end is None or end < start else (start, end)


def _days_in_path(path: str) -> tuple[dt.date, dt.date] | None:
    """The days that the folders of a path name, the deepest first."""
    for folder in reversed(path.split("/")[:-1]):
        days = _days_in(folder) or (_whole_month(folder) if is_month(folder) else None)
        if days is not None:
            return days
    return None


def _days_in(folder: str) -> tuple[dt.date, dt.date] | None:
    match = _RANGE.fullmatch(folder)
    start, end = (_date(f"{t[:4]}-{t[4:6]}-{t[6:]}") for t in match.groups()) if match else (None, None)
    return (start, end) if start and end and start <= end else None


def _whole_month(month: str) -> tuple[dt.date, dt.date]:
    return first_day(month), last_day(month)


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _months_of(days: tuple[dt.date, dt.date]) -> list[str]:
    return month_range(*(f"{day:%Y-%m}" for day in days))[:_MOST_MONTHS]


def newest_runs(runs: Iterable[CostRun]) -> list[CostRun]:
    """Of each export and kind the run with the newest submittedTime, whole (rule 1); the runs of one month."""
    newest: dict[tuple[str, str], CostRun] = {}
    for run in runs:
        key = (run.kind, run.export)
        if key not in newest or run.order > newest[key].order:
            newest[key] = run
    return sorted(newest.values(), key=lambda run: run.manifest.path)


def loose_file(file: LandedFile, prefix: str, manifest_folders: set[str]) -> LooseFile | None:
    """What a file without a manifest is by its place; None where a manifest, or nothing, tells what it is."""
    *folders, name = file.path.removeprefix(prefix).split("/")
    if is_manifest(name) or is_hidden(name):
        return None
    if len(folders) >= 2 and folders[0].lower() in COMPARISONS and is_month(folders[1]):
        beside = folder_of(file.path) in manifest_folders
        kind = folders[0].lower()
        return None if beside else LooseFile(file, _whole_month(folders[1]), f"folder|{kind}", kind)
    days = _days_in(folders[-1]) if len(folders) >= 2 else None
    place = folder_of(file.path)
    if days is None or any(folder == place or folder.startswith(f"{place}/") for folder in manifest_folders):
        return None
    return LooseFile(file, days, f"folder|{'/'.join(folders[:-1]).lower()}", None)


def cost_files_by_month(
    store: FileStore, files: list[LandedFile], prefix: str, suffixes: tuple[str, ...]
) -> dict[str, list[LandedFile]]:
    """Files of every month that decide what it holds: manifests, the parts of their runs, loose files."""
    runs = _runs(store, files)
    by_path = {file.path: file for file in files}
    found: dict[str, set[LandedFile]] = defaultdict(set)
    for run in runs:
        beside = {by_path[path] for path in run.part_paths() if path in by_path}
        for month in run.months:
            found[month] |= {run.manifest, *beside}
    managed = {(run.kind, month) for run in runs for month in run.months}
    folders = {folder_of(file.path) for file in files if is_manifest(file.path)}
    for file in files:
        loose = loose_file(file, prefix, folders) if file.path.lower().endswith(suffixes) else None
        for month in loose.months if loose else []:
            if loose is not None and (loose.kind, month) not in managed:
                found[month].add(file)
    return {month: sorted(found[month]) for month in sorted(found)}


def _runs(store: FileStore, files: list[LandedFile]) -> list[CostRun]:
    return [run for file in files if is_manifest(file.path) if (run := cost_run(store, file)) is not None]


def choose_cost_files(store: FileStore, files: list[LandedFile], prefix: str, month: str) -> Chosen:
    """The parts to read of one month's files, as `cost_files_by_month` gave them."""
    chosen = Chosen()
    runs = _runs(store, files)
    chosen.problems.extend(run.problem for run in runs if run.problem)
    readable = [run for run in runs if run.problem is None]
    by_path = {file.path: file for file in files}
    for run in newest_runs(readable):
        older = [r for r in readable if (r.kind, r.export) == (run.kind, run.export) and r is not run]
        facts = _facts(run.kind, run.export, run.submitted, has_older_run=bool(older))
        parts, problem = _parts_of(run, by_path, facts, month)
        chosen.problems.extend([problem] if problem else [])
        chosen.parts.extend(parts)
        for replaced in older:
            reason = f"older run: {run.manifest.path} was submitted later"
            chosen.set_aside.update(dict.fromkeys([replaced.manifest.path, *replaced.part_paths()], reason))
            may_hold_more, _ = _parts_of(replaced, by_path, facts, month)
            if may_hold_more and _reaches_further(replaced, run, month):
                named = (replaced.manifest.path, run.manifest.path, run.export, run.kind)
                chosen.replaced.append(Replaced(*named, may_hold_more))
    _add_loose(chosen, files, prefix, month)
    return chosen


def _facts(kind: str | None, export: str, submitted: str | None, has_older_run: bool) -> dict[str, str | None]:
    return {
        "kind": kind,
        "export_id": export,
        "submitted_at": submitted,
        "has_older_run": "true" if has_older_run else "false",
    }


def _reaches_further(older: CostRun, newer: CostRun, month: str) -> bool:
    """Whether a run may hold days of the month that the run which replaced it lacks: by its range, or its size."""
    first, last = _whole_month(month)
    starts_before = max(older.days[0], first) < max(newer.days[0], first)
    ends_after = min(older.days[1], last) > min(newer.days[1], last)
    return starts_before or ends_after or _bytes_of(older) > _bytes_of(newer)


def _bytes_of(run: CostRun) -> int:
    return run.byte_count or sum(whole(blob.get("byteCount")) or 0 for blob in run.blobs)


def _add_loose(chosen: Chosen, files: list[LandedFile], prefix: str, month: str) -> None:
    """Files without a manifest; those of one export whose ranges overlap are runs of it, of which one counts."""
    folders = {folder_of(file.path) for file in files if is_manifest(file.path)}
    loose = [found for file in files if (found := loose_file(file, prefix, folders)) is not None]
    for found in loose:
        facts = _facts(found.kind, found.export, None, has_older_run=False)
        rivals = "" if found.kind else f"{found.export}|{_overlapping(found, loose)}"
        chosen.parts.append(Part(found.file, facts, True, _of_other_months(found.months, month), rivals))


def _overlapping(one: LooseFile, files: list[LooseFile]) -> str:
    """First day of the ranges of the same export that hang together with this one's."""
    ranges = sorted({file.days for file in files if file.export == one.export})
    start, end = ranges[0]
    for first, last in ranges:
        if first > end:
            start = first
        end = max(end, last)
        if (first, last) == one.days:
            return start.isoformat()
    return start.isoformat()


def _of_other_months(months: list[str], month: str) -> dict[str, str]:
    """What to leave out of a file that serves several months: the rows of the others."""
    if len(months) < 2:
        return {}
    return {"other_month": f"date_trunc('month', usage_date) <> date '{month}-01'"}


def _parts_of(
    run: CostRun, by_path: dict[str, LandedFile], facts: dict[str, str | None], month: str
) -> tuple[list[Part], str | None]:
    """The landed parts of a run, and why it is not whole, if so: no older run is taken in its place."""
    where = run.manifest.path
    if run.blob_count is not None and run.blob_count != len(run.blobs):
        named = f"{len(run.blobs)} blobs are named"
        return [], f"{where}: blobCount is {run.blob_count}, but {named}; land the export again"
    total = 0
    parts: list[Part] = []
    for blob, path in zip(run.blobs, run.part_paths(), strict=True):
        file = by_path.get(path)
        if file is None:
            return [], f"{where}: the part {blob_name(blob)} has not landed beside it; land the export again"
        size = whole(blob.get("byteCount"))
        if size is not None and size != file.size:
            return [], f"{path}: holds {file.size} bytes where its manifest says {size}; land the export again"
        total += file.size
        parts.append(Part(file, facts, False, _of_other_months(run.months, month)))
    if run.byte_count is not None and run.byte_count != total:
        return [], f"{where}: byteCount is {run.byte_count}, the parts hold {total}; land the export again"
    # A run of no blobs: the export is there, with no rows.
    return parts or [Part(run.manifest, facts, False)], None
