"""Loading one month of one source: read, convert, audit, and only then replace the month (write, audit, publish)."""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from recon_assets.catalogue import SOURCES
from recon_assets.clock import Clock
from recon_assets.lakehouse.raw import FailedLoad, LoadedFile, RawMonth, RawStore
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.audits import Check, audit
from recon_assets.sources.month_loader import MonthLoader
from recon_assets.sources.version import load_version


@dataclass(frozen=True)
class Load:
    """What came of loading a month.

    `loaded`, `failed` (the earlier load stays), `absent` (no file landed), or `retired` (its files are gone: what was
    loaded is forgotten).
    """

    source: str
    month: str
    outcome: Literal["loaded", "failed", "absent", "retired"]
    checks: list[Check] = field(default_factory=list)
    raw_month: RawMonth | None = None

    @property
    def problems(self) -> list[str]:
        return [check.detail for check in self.checks if not check.passed]


def load_month(
    source: str, month: str, files: list[LandedFile], store: FileStore, raw: RawStore, settings: Settings, clock: Clock
) -> Load:
    """Load the landed `files` of one month whole; nothing is replaced unless every audit passes."""
    if not files:
        return Load(source, month, "retired" if raw.retire(source, month) else "absent")
    started = clock()
    load_id = f"{started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}-{load_version(source, files, settings)}"
    with _load_folder(raw.month_folder(source, month) / load_id) as loader_folder:
        elsewhere = _in_other_months(raw, source, month)
        loader = MonthLoader(source, month, store, settings, started, loader_folder.folder, elsewhere)
        loaded, problems = loader.load(files)
        checks = audit(source, month, loaded, problems, loader, settings)
        if not all(check.passed for check in checks):
            failed = [check.detail for check in checks if not check.passed]
            attempt = FailedLoad(source, month, started.isoformat(), [f.state for f in files], failed)
            raw.record_failure(attempt, [path for path in loader.tables["quarantine"] if path.exists()])
            return Load(source, month, "failed", checks)
        raw_month = _raw_month(load_id, _as_listed(loaded, files), loader, raw.root)
        raw.commit(raw_month)
        loader_folder.keep = True
    raw.remove_replaced(source, month, (started - dt.timedelta(hours=settings.raw_keep_hours)).timestamp())
    return Load(source, month, "loaded", checks, raw_month)


def _in_other_months(raw: RawStore, source: str, month: str) -> dict[str, str]:
    """By content the files that count in other months, of sources whose rows no date keeps out of a wrong month."""
    months = [] if SOURCES[source].dated_by else [other for other in raw.months(source) if other != month]
    loaded = (raw.read(source, other) for other in months)
    return {file.content_hash: file.path for one in loaded if one is not None for file in one.files if file.rows}


@dataclass
class _LoadFolder:
    folder: Path
    keep: bool = False


@contextmanager
def _load_folder(folder: Path) -> Iterator[_LoadFolder]:
    """A folder that is removed again unless it was committed."""
    folder.mkdir(parents=True)
    holder = _LoadFolder(folder)
    try:
        yield holder
    finally:
        if not holder.keep:
            shutil.rmtree(folder)


def _raw_month(load_id: str, loaded: list[LoadedFile], loader: MonthLoader, root: Path) -> RawMonth:
    tables = {
        name: [p.relative_to(root).as_posix() for p in paths if p.exists()] for name, paths in loader.tables.items()
    }
    rows, quarantined = sum(f.rows for f in loaded), sum(f.quarantined for f in loaded)
    started = loader.started.isoformat()
    return RawMonth(loader.source, loader.month, load_id, started, loaded, rows, quarantined, tables)


def _as_listed(loaded: list[LoadedFile], files: list[LandedFile]) -> list[LoadedFile]:
    """With when each landed file was last touched, by which a later look knows that nothing happened to it."""
    changed = {file.path: file.changed_ns for file in files}
    return [replace(file, changed_ns=changed[file.path]) for file in loaded]
