"""Loading one month of one source: read, convert, audit, and only then replace the month (write, audit, publish)."""

import datetime as dt
import hashlib
import shutil
import uuid
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
from recon_assets.errors import FileProblem, InputError
from recon_assets.lakehouse.raw import FailedLoad, LoadedFile, RawMonth, RawStore
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.profiles import Profile, is_profile, profile_of, read_profiles
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.convert import Origin, convert
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import find_repeats
from recon_assets.sources.intake.tables import ListTable, hashes_of
from recon_assets.sources.lists import turned
from recon_assets.sources.pieces import Piece, Taken, intake_table
from recon_assets.sources.readers import Opened, open_file, rules_of
from recon_assets.sources.registers import RegisterHints
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.usage_files import choose_files, open_usage_file
from recon_assets.sources.values import connect, registered
from recon_assets.sources.version import reader_version


@dataclass(frozen=True)
class Check:
    """One audit of a load. A failed check keeps the month as it was before."""

    name: Literal["schema", "row_count", "quarantine_share", "control_totals", "repeats"]
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
    hints = hints_of("", settings)
    read = {file.path: (hints.date_order(file.path), hints.decimal_mark(file.path)) for file in files}
    chosen = sorted((path, str(order), str(mark)) for path, (order, mark) in read.items() if order or mark)
    said = repr((chosen, *hints.company_tins)) if chosen or hints.company_tins else ""
    told = "-" + hashlib.sha256(said.encode()).hexdigest()[:12] if said else ""
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
    shared: list[str] = field(default_factory=list)  # files that share too many records, as sentences
    disagreeing: list[str] = field(default_factory=list)  # control totals, likewise

    def load(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """What was loaded, and why the other files could not be read."""
        try:
            profiles = read_profiles([file for file in files if is_profile(file.path)], self.store)
        except InputError as error:
            return [], [str(error)]
        data = [file for file in files if not is_profile(file.path)]
        self._connection = connect(self.folder, self.settings.load_memory_limit)
        try:
            load = self._load_chosen if SOURCES[self.source].manifests else self._load_all
            loaded, problems = load(data, profiles)
        finally:
            self._connection.close()
        told = [self._profile(file) for file in files if is_profile(file.path)]
        pq.write_table(intake_table(self.source, self.month, [*loaded, *told]), self._target("intake", 0))
        return [*loaded, *told], problems

    def _profile(self, file: LandedFile) -> LoadedFile:
        with self.store.open_local(file) as path:
            return LoadedFile(file.path, file.etag, file.size, content_hash_of(path), 0, 0)

    def _load_all(self, files: list[LandedFile], profiles: list[Profile]) -> tuple[list[LoadedFile], list[str]]:
        taken: dict[str, Taken | LoadedFile] = {}
        problems: list[str] = []
        first_with: dict[str, str] = {}
        for file in files:
            try:
                with self.store.open_local(file) as path:
                    content_hash = content_hash_of(path)
                    group = _subfolder(self.source, file)
                    same = first_with.setdefault(group + content_hash, file.path)
                    if same != file.path:
                        taken[file.path] = LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, same)
                        continue
                    profile = profile_of(file.path, profiles)
                    opened = open_file(
                        self.source, path, self._origin(file, content_hash), self._limits(),
                        hints_of(self.month, self.settings), profile,
                    )  # fmt: skip
                    # Copies of an invoice in the pages of an API are told apart by when they changed.
                    is_page = SOURCES[self.source].reader == "bss" and not _is_list(file.path)
                    compared = not is_page and (len(files) > 1 or len(opened.tables) > 1)
                    taken[file.path] = self._taken(file, content_hash, opened, profile, group, compared)
            except FileProblem as problem:
                problems.append(str(problem))
        return self._settled(taken, [file for file in files if file.path in taken]), problems

    def _load_chosen(self, files: list[LandedFile], profiles: list[Profile]) -> tuple[list[LoadedFile], list[str]]:
        """As `_load_all`, for sources whose manifests say which files count; the others are recorded with no rows."""
        chosen = choose_files(self.source, files, self.store)
        problems = list(chosen.problems)
        hashes = self._hashes_of_manifests(files, problems)
        taken: dict[str, Taken | LoadedFile] = {
            f.path: LoadedFile(f.path, f.etag, f.size, hashes.get(f.path, ""), 0, 0) for f in files
        }
        first_with: dict[tuple[str, str], str] = {}
        facts: list[dict[str, str | None]] = []
        loose = sum(part.is_loose for part in chosen.parts)
        for part in chosen.parts if not problems else []:
            file, group = part.file, part.facts.get("kind") or ""
            try:
                with self.store.open_local(file) as path:
                    content_hash = content_hash_of(path)
                    same = first_with.setdefault((content_hash, group), file.path)
                    if part.is_loose and same != file.path:
                        taken[file.path] = LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, same)
                        continue
                    origin = self._origin(file, content_hash)
                    opened = open_usage_file(self._connection, self.source, part, path, origin, self._limits())
                    tables = Opened([(opened.table, opened.frame)])
                    profile = profile_of(file.path, profiles)
                    compared = part.is_loose and loose > 1
                    taken[file.path] = self._taken(file, content_hash, tables, profile, group, compared)
            except FileProblem as problem:
                problems.append(str(problem))
                continue
            facts.append({**opened.facts, "source_file": file.path})
        settled = self._settled(taken, files)
        aside = {file.path for file in settled if any(table.set_aside for table in file.tables)}
        self._write_facts(self._connection, [row for row in facts if row["source_file"] not in aside])
        return settled, problems

    def _settled(self, taken: dict[str, Taken | LoadedFile], files: list[LandedFile]) -> list[LoadedFile]:
        """The files as they were loaded, once it is known which of their tables repeat others."""
        read = [found for found in taken.values() if isinstance(found, Taken)]
        repeats = find_repeats([records for one in read for records in one.records()])
        self.shared += repeats.problems
        self.disagreeing += [text for one in read if not one.may_disagree for text in one.disagreeing()]
        self.records = sum(
            piece.converted.records
            for one in read
            for piece in one.pieces
            if one.file.path + piece.name not in repeats.of
        )
        found = (taken[file.path] for file in files)
        return [one.settle(repeats) if isinstance(one, Taken) else one for one in found]

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

    def _taken(
        self,
        file: LandedFile,
        content_hash: str,
        opened: Opened,
        profile: Profile | None,
        group: str,
        compared: bool,
    ) -> Taken:
        """Convert the tables of a file, and write what it holds beside them."""
        warns = profile is not None and profile.control_totals == "warn"
        taken = Taken(file, content_hash, group, profile is not None and profile.additive, warns, unread=opened.unread)
        for table, frame in opened.tables:
            number = len(self.tables["rows"])
            targets = self._target("rows", number), self._target("quarantine", number)
            converted = convert(self._connection, table, frame, rules_of(self.source), *targets)
            is_pointed = not isinstance(table, ListTable) and frame.dialect.decimal_mark == "."
            if is_pointed and (converted.rejected or converted.warnings):
                other = turned(table, frame)
                if other is not None:
                    converted = convert(self._connection, table, other, rules_of(self.source), *targets)
            facts = table.facts if isinstance(table, ListTable) else Facts(notes=opened.notes)
            if any(note.startswith("encoding_assumed") for note in opened.notes):
                facts.warnings["encoding_assumed"] = 1
            hashes = hashes_of(table) if compared else None
            taken.pieces.append(Piece(table.name, converted, targets, facts, hashes))
            used = {*frame.bound.values(), *frame.left_out}
            unknown = [heading for position, heading in enumerate(table.headings) if position not in used and heading]
            taken.extra_columns += facts.unbound or unknown
        for further in SOURCES[self.source].extra_tables:
            self._write_extra_table(further, opened.extra.get(further.name, []), file.path)
        return taken

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


def hints_of(month: str, settings: Settings) -> RegisterHints:
    return RegisterHints(
        month, settings.register_date_orders, settings.register_decimal_marks, tuple(settings.company_tins)
    )


def _subfolder(source: str, file: LandedFile) -> str:
    """Folder between prefix and month: what it says belongs to the content (issued or received)."""
    known = SOURCES[source]
    return file.path.removeprefix(known.prefix).partition("/")[0] if known.subfolders else ""


def _audit(
    source: str, month: str, loaded: list[LoadedFile], problems: list[str], loader: _Loader, settings: Settings
) -> list[Check]:
    rows, quarantined = sum(f.rows for f in loaded), sum(f.quarantined for f in loaded)
    total = rows + quarantined
    if problems:
        return [Check("schema", False, "; ".join(problems))]
    return [
        _schema_check(source, month, [path for path in loader.tables["rows"] if path.exists()]),
        Check(
            "row_count",
            total == loader.records,
            f"{source} {month}: {loader.records} records read, {rows} rows and {quarantined} rejected",
        ),
        _quarantine_check(source, month, loaded, settings, loader.tables["quarantine"]),
        Check("control_totals", not loader.disagreeing, "; ".join(loader.disagreeing) or "every control total agrees"),
        Check("repeats", not loader.shared, "; ".join(loader.shared) or "no two files share half their records"),
    ]


def _quarantine_check(
    source: str, month: str, loaded: list[LoadedFile], settings: Settings, quarantine: list[Path]
) -> Check:
    """Few enough rows are rejected, and not every record of a list."""
    total = sum(file.rows + file.quarantined for file in loaded)
    allowed = max(1, int(total * settings.quarantine_limit))
    rejected = sum(file.quarantined - file.duplicates for file in loaded)
    whole = [f.path for f in loaded if f.quarantined and not f.rows and _is_list(f.path)]
    text = f"{source} {month}: {rejected} of {total} rows were rejected, {allowed} are allowed"
    text += f"; every record of {', '.join(whole)} was rejected" if whole else ""
    passed = rejected <= allowed and not whole
    return Check("quarantine_share", passed, text if passed else f"{text}; first: {_first_rejection(quarantine)}")


def _is_list(path: str) -> bool:
    """Whether a file is a list by its kind: a document, or a page of an API, may well hold one record alone."""
    return not path.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".xml", ".zip"))


def _first_rejection(quarantine: list[Path]) -> str:
    for path in filter(Path.exists, quarantine):
        for row in pq.read_table(path).slice(0, 1).to_pylist():
            record = f"record {row['source_row']}"
            where = f"row {row['source_line']} ({record})" if row["source_line"] else record
            place = f"{row['source_file']}, {where}, column '{row['column_name']}'"
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
