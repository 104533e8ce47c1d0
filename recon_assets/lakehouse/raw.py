"""Raw months: one folder per source and month, replaced whole by the atomic replacement of `month.json`.

    raw/<source>/<YYYY-MM>/month.json            the commit: names the load, its files and counts
    raw/<source>/<YYYY-MM>/<load id>/*.parquet   rows, quarantine and further tables of that load
    raw/<source>/<YYYY-MM>/failed.json           the last attempt, when it failed its audit
    raw/<source>/<YYYY-MM>/failed/*.parquet      what that attempt rejected, for whoever corrects the file

A reader takes what `month.json` names; loads that were replaced stay a while for builds that still read them.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recon_assets.months import is_month

_COMMIT = "month.json"
_FAILED = "failed.json"
_REJECTED = "failed"


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
    unread: list[str] = field(default_factory=list)  # members of an archive that are none of the source's

    @property
    def version(self) -> str:
        return f"{self.path}@{self.etag}"


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
    versions: list[str]
    problems: list[str]


@dataclass(frozen=True)
class RawStore:
    root: Path

    def month_folder(self, source: str, month: str) -> Path:
        return self.root / source / month

    def read(self, source: str, month: str) -> RawMonth | None:
        content = _read_json(self.month_folder(source, month) / _COMMIT)
        if content is None:
            return None
        files = [LoadedFile(**file) for file in content.pop("files")]
        return RawMonth(files=files, **content)

    def read_failed(self, source: str, month: str) -> FailedLoad | None:
        content = _read_json(self.month_folder(source, month) / _FAILED)
        return None if content is None else FailedLoad(**content)

    def months(self, source: str) -> list[str]:
        """Committed months of a source, in order."""
        folder = self.root / source
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return [name for name in names if is_month(name) and (folder / name / _COMMIT).is_file()]

    def failed_months(self, source: str) -> Iterator[FailedLoad]:
        for path in sorted((self.root / source).glob(f"*/{_FAILED}")):
            failed = self.read_failed(source, path.parent.name)
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

    def retire(self, source: str, month: str) -> None:
        """Forget a month whose landed files are all gone: no file = the month is absent."""
        folder = self.month_folder(source, month)
        (folder / _COMMIT).unlink(missing_ok=True)
        self._forget_failure(folder)

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
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


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
