"""Raw months: one folder per source and month, replaced whole by the atomic replacement of `month.json`.

    raw/<source>/<YYYY-MM>/month.json            the commit: names the load, its files and counts
    raw/<source>/<YYYY-MM>/<load id>/*.parquet   rows, quarantine and further tables of that load
    raw/<source>/<YYYY-MM>/failed.json           the last attempt, when it failed its audit
    raw/<source>/<YYYY-MM>/failed/*.parquet      what that attempt rejected, for whoever corrects the file
    raw/<source>/<YYYY-MM>/contents.json         hashes of landed files of which size and time do not tell enough

A reader takes what `month.json` names; loads that were replaced stay a while for builds that still read them. A record
that cannot be read, or that names files which are gone, counts as not there: the month is loaded again.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from recon_assets.catalogue import SOURCES
from recon_assets.catalogue.raw_tables import RawTable
from recon_assets.lakehouse.remedies import warning_text
from recon_assets.landing.store import file_state
from recon_assets.months import is_month

_COMMIT = "month.json"
_FAILED = "failed.json"
_REJECTED = "failed"
_CONTENTS = "contents.json"


@dataclass(frozen=True)
class LoadedTable:
    """What became of one table of a landed file: the file itself, a sheet of it, a member.

    `set_aside` says why none of its records count. Amounts of control totals are texts of decimals.
    """

    name: str  # what follows the file's path in source_file
    rows: int = 0
    rejected: int = 0
    set_aside: str | None = None
    heading_line: int | None = None
    bound: dict[str, str] = field(default_factory=dict)  # declared column -> heading
    ignored: dict[str, int] = field(default_factory=dict)  # rows that are no records, by kind
    control_totals: list[dict[str, str]] = field(default_factory=list)  # line, column, said, summed
    notes: list[str] = field(default_factory=list)  # what was decided and assumed


@dataclass(frozen=True)
class LoadedFile:
    """One landed file of a load. `duplicate_of` names the file with the same content that was loaded instead."""

    path: str
    etag: str
    size: int
    content_hash: str
    rows: int
    quarantined: int
    duplicate_of: str | None = None
    extra_columns: list[str] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0  # quarantined rows that repeat one of the same file: not counted into the limit
    ignored: dict[str, int] = field(default_factory=dict)  # records left out by a named rule, by its name
    unread: list[str] = field(default_factory=list)  # sheets, and members of an archive, that are not read
    tables: list[LoadedTable] = field(default_factory=list)
    set_aside: str | None = None  # why nothing of the file counts
    outside_month: dict[str, str] = field(default_factory=dict)  # amount by currency of rows dated outside the month
    changed_ns: int = 0  # of the landed file, when it was loaded

    @property
    def warned(self) -> list[str]:
        """The warnings, each with how many rows it is of, what is known of them, and what to do."""
        headings = {heading for table in self.tables for heading in table.bound.values()}
        return [
            warning_text(code, count, self._details(code), code in headings) for code, count in self.warnings.items()
        ]

    def _details(self, code: str) -> list[str]:
        if code == "date_outside_month":
            return [f"{Decimal(amount):,.2f} {currency}".strip() for currency, amount in self.outside_month.items()]
        prefix = f"{code}: "
        return [note.removeprefix(prefix) for t in self.tables for note in t.notes if note.startswith(prefix)]

    @property
    def version(self) -> str:
        return f"{self.path}@{self.etag}"

    @property
    def state(self) -> str:
        return file_state(self.path, self.etag, self.changed_ns)


@dataclass(frozen=True)
class RawMonth:
    """A committed raw month. `tables` maps a table's name to its Parquet files, relative to the raw folder."""

    source: str
    month: str
    load_id: str
    loaded_at: str
    files: list[LoadedFile]
    rows: int
    quarantined: int
    tables: dict[str, list[str]]

    @property
    def versions(self) -> set[str]:
        return {file.version for file in self.files}


@dataclass(frozen=True)
class FailedLoad:
    """The last attempt to load a month, when it failed: what was tried and why it failed."""

    source: str
    month: str
    attempted_at: str
    versions: list[str]  # states of the files: a file that is touched may be tried again
    problems: list[str]


@dataclass(frozen=True)
class RawStore:
    root: Path

    def month_folder(self, source: str, month: str) -> Path:
        return self.root / source / month

    def read(self, source: str, month: str) -> RawMonth | None:
        """The committed month; None when there is none, or what there is of it is not whole (`is_damaged`)."""
        content = _known_fields(RawMonth, _read_json(self.month_folder(source, month) / _COMMIT))
        if content is None:
            return None
        files = [_known_fields(LoadedFile, file) for file in content.pop("files")]
        found = RawMonth(files=[_loaded_file(file) for file in files if file is not None], **content)
        tables = (self.root / path for paths in found.tables.values() for path in paths)
        return found if None not in files and all(path.is_file() for path in tables) else None

    def is_damaged(self, source: str, month: str) -> bool:
        """Whether there is a record that cannot be read, or that names files which are gone."""
        return (self.month_folder(source, month) / _COMMIT).is_file() and self.read(source, month) is None

    def read_failed(self, source: str, month: str) -> FailedLoad | None:
        path = self.month_folder(source, month) / _FAILED
        content = _known_fields(FailedLoad, _read_json(path))
        if content is None and path.is_file():
            return FailedLoad(source, month, "", [], [f"{path} is damaged; load the month again"])
        return None if content is None else FailedLoad(**content)

    def contents(self, source: str, month: str) -> Mapping[str, str]:
        """SHA-256 by state of landed files that were hashed to tell whether they are the ones that were loaded."""
        return _read_json(self.month_folder(source, month) / _CONTENTS) or {}

    def remember_contents(self, source: str, month: str, contents: Mapping[str, str]) -> None:
        _replace_json(self.month_folder(source, month) / _CONTENTS, dict(contents))

    def months(self, source: str) -> list[str]:
        """Committed months of a source, damaged ones included, in order."""
        folder = self.root / source
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return [name for name in names if is_month(name) and (folder / name / _COMMIT).is_file()]

    def recorded_months(self, source: str) -> list[str]:
        """Months of which there is anything: committed ones, and those whose last load failed."""
        return sorted({*self.months(source), *(failed.month for failed in self.failed_months(source))})

    def failed_months(self, source: str) -> Iterator[FailedLoad]:
        folder = self.root / source
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            failed = self.read_failed(source, path.name)
            if failed is not None:
                yield failed

    def commit(self, month: RawMonth) -> None:
        """Make the load the month's content. The rename is the commit: before it readers see the earlier load."""
        folder = self.month_folder(month.source, month.month)
        _replace_json(folder / _COMMIT, asdict(month))
        self._forget_failure(folder)

    def record_failure(self, failed: FailedLoad, rejected: Sequence[Path] = ()) -> None:
        """Remember a failed attempt and the rows it rejected; the month itself stays as it was."""
        folder = self.month_folder(failed.source, failed.month)
        shutil.rmtree(folder / _REJECTED, ignore_errors=True)
        (folder / _REJECTED).mkdir(parents=True)
        for path in rejected:
            shutil.copy(path, folder / _REJECTED / path.name)
        _replace_json(folder / _FAILED, asdict(failed))

    def retire(self, source: str, month: str) -> bool:
        """Forget a month whose landed files are all gone: no file = the month is absent. Whether there was anything."""
        folder = self.month_folder(source, month)
        was_there = (folder / _COMMIT).is_file() or (folder / _FAILED).is_file()
        (folder / _COMMIT).unlink(missing_ok=True)
        self._forget_failure(folder)
        return was_there

    def files_of(self, table: RawTable) -> list[str]:
        """Parquet files of a table of schema `raw` in every committed month, of its source or of all."""
        sources = [table.source] if table.source else list(SOURCES)
        months = (self.read(source, month) for source in sources for month in self.months(source))
        return [str(self.root / path) for month in months if month for path in month.tables.get(table.table, ())]

    def rejected_files(self, source: str, month: str) -> list[Path]:
        """Parquet files with the rejected rows of the newest attempt, failed or committed."""
        folder = self.month_folder(source, month)
        if (folder / _FAILED).is_file():
            return sorted((folder / _REJECTED).glob("*.parquet"))
        current = self.read(source, month)
        return [self.root / path for path in current.tables["quarantine"]] if current else []

    @staticmethod
    def _forget_failure(folder: Path) -> None:
        (folder / _FAILED).unlink(missing_ok=True)
        shutil.rmtree(folder / _REJECTED, ignore_errors=True)

    def remove_replaced(self, source: str, month: str, older_than: float) -> None:
        """Remove loads that `month.json` does not name and that were last changed before `older_than` (epoch s)."""
        current = self.read(source, month)
        for path in self.month_folder(source, month).iterdir():
            kept = path.name == _REJECTED or (current is not None and path.name == current.load_id)
            if path.is_dir() and not kept and path.stat().st_mtime < older_than:
                shutil.rmtree(path, ignore_errors=True)  # another run may be removing it too


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is none: no file, nothing in it, or cut off."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _known_fields(record: type, content: object) -> dict[str, Any] | None:
    """What a record of this type holds of `content`, which a newer version may have written; None without all of it."""
    if not isinstance(content, dict):
        return None
    known = {f.name: content[f.name] for f in fields(record) if f.name in content}
    needed = {f.name for f in fields(record) if f.default is MISSING and f.default_factory is MISSING}
    return known if needed <= known.keys() else None


def _loaded_file(content: dict[str, Any]) -> LoadedFile:
    tables = [_known_fields(LoadedTable, table) for table in content.pop("tables", [])]
    return LoadedFile(**content, tables=[LoadedTable(**table) for table in tables if table is not None])


def _replace_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # of a disk that was full
