"""Loading one month of one source: read, convert, audit, and only then replace the month (write, audit, publish)."""

import datetime as dt
import hashlib
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import SOURCES
from recon_assets.catalogue.model import ExtraTable
from recon_assets.clock import Clock
from recon_assets.errors import FileProblem
from recon_assets.lakehouse.raw import FailedLoad, LoadedFile, RawMonth, RawStore
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.convert import Converted, Origin, convert
from recon_assets.sources.readers import Opened, open_file, rules_of
from recon_assets.sources.registers import RegisterHints
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.usage_files import choose_files, open_usage_file
from recon_assets.sources.values import connect, registered
from recon_assets.sources.version import reader_version


@dataclass(frozen=True)
class Check:
    """One audit of a load. A failed check keeps the month as it was before."""

    name: Literal["schema", "row_count", "quarantine_share"]
    passed: bool
    detail: str


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


def load_version(source: str, files: list[LandedFile], settings: Settings) -> str:
    """`reader_version` and the settings that decide how these files are read; those that no file meets do not count."""
    if SOURCES[source].reader != "register":
        return reader_version(source)
    hints = RegisterHints("", settings.register_date_orders, settings.register_decimal_marks)
    read = {file.path: (hints.date_order(file.path), hints.decimal_mark(file.path)) for file in files}
    chosen = sorted((path, *how) for path, how in read.items() if how != (None, "."))
    told = "-" + hashlib.sha256(repr(chosen).encode()).hexdigest()[:12] if chosen else ""
    return reader_version(source) + told


def load_month(
    source: str, month: str, files: list[LandedFile], store: FileStore, raw: RawStore, settings: Settings, clock: Clock
) -> Load:
    """Load the landed `files` of one month whole; nothing is replaced unless every audit passes."""
    if not files:
        return Load(source, month, "retired" if raw.retire(source, month) else "absent")
    started = clock()
    load_id = f"{started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}-{load_version(source, files, settings)}"
    with _load_folder(raw.month_folder(source, month) / load_id) as loader_folder:
        loader = _Loader(source, month, store, settings, started, loader_folder.folder)
        loaded, problems = loader.load(files)
        checks = _audit(source, month, loaded, problems, loader, settings)
        if not all(check.passed for check in checks):
            failed = [check.detail for check in checks if not check.passed]
            attempt = FailedLoad(source, month, started.isoformat(), [f.state for f in files], failed)
            raw.record_failure(attempt, [path for path in loader.tables["quarantine"] if path.exists()])
            return Load(source, month, "failed", checks)
        raw_month = _raw_month(source, month, load_id, started, _as_listed(loaded, files), loader, raw.root)
        raw.commit(raw_month)
        loader_folder.keep = True
    raw.remove_replaced(source, month, (started - dt.timedelta(hours=settings.raw_keep_hours)).timestamp())
    return Load(source, month, "loaded", checks, raw_month)


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


@dataclass
class _Loader:
    """Loads files one after the other into `folder`, as `<table>-<file number>.parquet`."""

    source: str
    month: str
    store: FileStore
    settings: Settings
    started: dt.datetime
    folder: Path
    _connection: duckdb.DuckDBPyConnection = field(init=False, repr=False)
    tables: dict[str, list[Path]] = field(default_factory=lambda: {"rows": [], "quarantine": []})
    records: int = 0

    def load(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """What was loaded, and why the other files could not be read."""
        self._connection = connect(self.folder, self.settings.load_memory_limit)
        try:
            return self._load_chosen(files) if SOURCES[self.source].manifests else self._load_all(files)
        finally:
            self._connection.close()

    def _load_all(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        loaded: list[LoadedFile] = []
        problems: list[str] = []
        first_with: dict[str, str] = {}
        for file in files:
            try:
                with self.store.open_local(file) as path:
                    content_hash = content_hash_of(path)
                    same = first_with.setdefault(_subfolder(self.source, file) + content_hash, file.path)
                    if same != file.path:
                        loaded.append(LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, same))
                        continue
                    hints = self._hints()
                    opened = open_file(self.source, path, self._origin(file, content_hash), self._limits(), hints)
                    loaded.append(self._converted(file, content_hash, opened))
            except FileProblem as problem:
                problems.append(str(problem))
        return loaded, problems

    def _load_chosen(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """As `_load_all`, for sources whose manifests say which files count; the others are recorded with no rows."""
        chosen = choose_files(self.source, files, self.store)
        problems = list(chosen.problems)
        hashes = self._hashes_of_manifests(files, problems)
        loaded = {f.path: LoadedFile(f.path, f.etag, f.size, hashes.get(f.path, ""), 0, 0) for f in files}
        first_with: dict[tuple[str, str], str] = {}
        facts: list[dict[str, str | None]] = []
        for part in chosen.parts if not problems else []:
            file = part.file
            try:
                with self.store.open_local(file) as path:
                    content_hash = content_hash_of(path)
                    same = first_with.setdefault((content_hash, part.facts.get("kind") or ""), file.path)
                    if part.is_loose and same != file.path:
                        loaded[file.path] = LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, same)
                        continue
                    origin = self._origin(file, content_hash)
                    opened = open_usage_file(self._connection, self.source, part, path, origin, self._limits())
                    loaded[file.path] = self._converted(file, content_hash, Opened([(opened.table, opened.frame)]))
            except FileProblem as problem:
                problems.append(str(problem))
                continue
            facts.append({**opened.facts, "source_file": file.path})
        self._write_facts(self._connection, facts)
        return [loaded[file.path] for file in files], problems

    def _hashes_of_manifests(self, files: list[LandedFile], problems: list[str]) -> dict[str, str]:
        """By path: what manifests say decides which files count, though no row comes of them."""
        hashes = {}
        for file in (file for file in files if is_manifest(file.path)):
            try:
                with self.store.open_local(file) as path:
                    hashes[file.path] = content_hash_of(path)
            except FileProblem as problem:
                problems.append(str(problem))
        return hashes

    def _origin(self, file: LandedFile, content_hash: str) -> Origin:
        return Origin(self.source, self.month, file.path, content_hash, f"{self.started:%Y-%m-%d %H:%M:%S.%f}")

    def _limits(self) -> UnpackLimits:
        return UnpackLimits(self.settings.max_unpack_ratio, self.settings.max_unpacked_bytes)

    def _hints(self) -> RegisterHints:
        return RegisterHints(self.month, self.settings.register_date_orders, self.settings.register_decimal_marks)

    def _converted(self, file: LandedFile, content_hash: str, opened: Opened) -> LoadedFile:
        """Convert the tables of a file, and write what it holds beside them."""
        rules, found, extra = rules_of(self.source), [], []
        for table, frame in opened.tables:
            number = len(self.tables["rows"])
            targets = self._target("rows", number), self._target("quarantine", number)
            found.append(convert(self._connection, table, frame, rules, *targets))
            used = {*frame.bound.values(), *frame.left_out}
            extra += [h for position, h in enumerate(table.headings) if position not in used and h]
        for further in SOURCES[self.source].extra_tables:
            self._write_extra_table(further, opened.extra.get(further.name, []), file.path)
        whole = _together(found)
        self.records += whole.records
        return LoadedFile(
            file.path, file.etag, file.size, content_hash, whole.rows, whole.rejected, None, extra, whole.warnings,
            whole.duplicates, whole.ignored, opened.unread,
        )  # fmt: skip

    def _write_facts(self, connection: duckdb.DuckDBPyConnection, facts: list[dict[str, str | None]]) -> None:
        """The table `files`: one row per file that was read, with what is known of it as a whole."""
        columns = SOURCES[self.source].file_facts
        names = [*(column.name for column in columns), "source_file"]
        text = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in facts],
            pa.schema([(name, pa.string()) for name in names]),
        )
        connection.register("file_facts", text)
        select = ", ".join(f"{column.sql} as {column.name}" for column in columns)
        month = f"date '{self.month}-01' as billing_month"
        connection.execute(
            f"copy (select {select}, source_file, {month} from file_facts) to '{self._target('files', 0)}'"
        )
        connection.unregister("file_facts")

    def _write_extra_table(self, table: ExtraTable, rows: list[dict[str, str]], file: str) -> None:
        text = pa.Table.from_pylist(rows, pa.schema([(column.name, pa.string()) for column in table.columns]))
        select = ", ".join(f"{column.sql} as {column.name}" for column in table.columns)
        with registered(self._connection, "extra_text", text):
            sql = f"select {select}, ?::varchar as source_file from extra_text"
            found = self._connection.execute(sql, [file]).to_arrow_table()
        number = len(self.tables.get(table.name, []))
        pq.write_table(found, self._target(table.name, number), compression="zstd")

    def _target(self, table: str, number: int) -> Path:
        path = self.folder / f"{table}-{number:04d}.parquet"
        self.tables.setdefault(table, []).append(path)
        return path


def _together(found: list[Converted]) -> Converted:
    """What came of the tables of one file."""
    warnings, ignored = Counter[str](), Counter[str]()
    for one in found:
        warnings.update(one.warnings)
        ignored.update(one.ignored)
    records, rows, rejected, repeats = (
        sum(counts) for counts in zip(*((c.records, c.rows, c.rejected, c.duplicates) for c in found), strict=True)
    )
    return Converted(records, rows, rejected, dict(warnings), repeats, dict(ignored))


def _subfolder(source: str, file: LandedFile) -> str:
    """Folder between prefix and month: what it says belongs to the content (issued or received)."""
    known = SOURCES[source]
    return file.path.removeprefix(known.prefix).partition("/")[0] if known.subfolders else ""


def _audit(
    source: str, month: str, loaded: list[LoadedFile], problems: list[str], loader: _Loader, settings: Settings
) -> list[Check]:
    rows, quarantined = sum(f.rows for f in loaded), sum(f.quarantined for f in loaded)
    total = rows + quarantined
    allowed = max(1, int(total * settings.quarantine_limit))
    rejected = quarantined - sum(f.duplicates for f in loaded)
    if problems:
        return [Check("schema", False, "; ".join(problems))]
    return [
        _schema_check(source, month, [path for path in loader.tables["rows"] if path.exists()]),
        Check(
            "row_count",
            total == loader.records,
            f"{source} {month}: {loader.records} records read, {rows} rows and {quarantined} rejected",
        ),
        Check(
            "quarantine_share",
            rejected <= allowed,
            f"{source} {month}: {rejected} of {total} rows were rejected, {allowed} are allowed"
            + ("" if rejected <= allowed else f"; first: {_first_rejection(loader.tables['quarantine'])}"),
        ),
    ]


def _first_rejection(quarantine: list[Path]) -> str:
    for path in quarantine:
        for row in pq.read_table(path).slice(0, 1).to_pylist():
            place = f"{row['source_file']}, row {row['source_row']}, column '{row['column_name']}'"
            return f"{place}: {row['value']!r} {row['reason']}"
    return "none"


def _schema_check(source: str, month: str, rows: list[Path]) -> Check:
    from recon_assets.sources.contracts import violations  # pandera takes a second to import; only loads need it

    broken = violations(source, month, rows) if rows else []
    return Check("schema", not broken, "; ".join(broken) or f"{source} {month} fulfils its contract")


def _raw_month(
    source: str, month: str, load_id: str, started: dt.datetime, loaded: list[LoadedFile], loader: _Loader, root: Path
) -> RawMonth:
    tables = {
        name: [p.relative_to(root).as_posix() for p in paths if p.exists()] for name, paths in loader.tables.items()
    }
    rows, quarantined = sum(f.rows for f in loaded), sum(f.quarantined for f in loaded)
    return RawMonth(source, month, load_id, started.isoformat(), loaded, rows, quarantined, tables)


def _as_listed(loaded: list[LoadedFile], files: list[LandedFile]) -> list[LoadedFile]:
    """With when each landed file was last touched, by which a later look knows that nothing happened to it."""
    changed = {file.path: file.changed_ns for file in files}
    return [replace(file, changed_ns=changed[file.path]) for file in loaded]


def content_hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
