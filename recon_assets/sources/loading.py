"""Loading one month of one source: read, convert, audit, and only then replace the month (write, audit, publish)."""

import datetime as dt
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
from recon_assets.errors import FileProblem, InputError
from recon_assets.lakehouse.raw import FailedLoad, LoadedFile, LoadedTable, RawMonth, RawStore
from recon_assets.landing.manifests import Part, Replaced, is_manifest
from recon_assets.landing.profiles import Profile, is_profile, profile_of, read_profiles
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.convert import Converted, Frame, Origin, convert
from recon_assets.sources.delimited import DelimitedTable
from recon_assets.sources.hints import hints_of
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import Records, find_repeats, record_hashes
from recon_assets.sources.intake.tables import ListTable
from recon_assets.sources.lists import IrregularError, RegularTable, turned
from recon_assets.sources.members import Members, members_of
from recon_assets.sources.month_rows import Outside, days_of, leave_out, outside_month, together, wrong_month
from recon_assets.sources.parts import ReadPart, lacking_rows, lacking_warning, of_run, without_older_runs
from recon_assets.sources.pieces import Piece, intake_table, loaded_table
from recon_assets.sources.readers import Opened, by_intake, open_file, rules_of
from recon_assets.sources.rules import Rules
from recon_assets.sources.stream import Table
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.usage_files import SetAsideError, choose_files, open_usage_file
from recon_assets.sources.values import connect, registered
from recon_assets.sources.version import content_hash_of, load_version


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
    profiles: list[Profile] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)  # files that share too many records, as sentences
    disagreeing: list[str] = field(default_factory=list)  # control totals, likewise
    _loose: int = 0  # parts that no manifest names: they are compared with one another

    def load(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """What was loaded, and why the other files could not be read."""
        try:
            self.profiles = read_profiles([file for file in files if is_profile(file.path)], self.store)
        except InputError as error:
            return [], [str(error)]
        self._connection = connect(self.folder, self.settings.load_memory_limit)
        try:
            loaded, problems = self._load_chosen([file for file in files if not is_profile(file.path)])
        finally:
            self._connection.close()
        loaded += [self._profile(file) for file in files if is_profile(file.path)]
        pq.write_table(intake_table(self.source, self.month, loaded), self._target("intake", 0))
        return loaded, problems

    def _profile(self, file: LandedFile) -> LoadedFile:
        with self.store.open_local(file) as path:
            return LoadedFile(file.path, file.etag, file.size, content_hash_of(path), 0, 0)

    def _load_chosen(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """The files that count, by manifests where the source has them; the others are recorded with no rows."""
        chosen = choose_files(self.source, self.month, files, self.store)
        problems = list(chosen.problems)
        hashes = self._hashes_of_manifests(files, problems)
        loaded = {f.path: _aside(f, hashes.get(f.path, ""), chosen.set_aside.get(f.path)) for f in files}
        self._loose = sum(part.is_loose for part in chosen.parts)
        read: list[ReadPart] = []
        first_with: dict[tuple[str, str], str] = {}
        for part in chosen.parts if not problems else []:
            file, content_hash = part.file, ""
            try:
                with self.store.open_local(file) as path:
                    content_hash = content_hash_of(path)
                    group = part.facts.get("kind") or _subfolder(self.source, file)
                    same = first_with.setdefault((content_hash, group), file.path)
                    if part.is_loose and same != file.path:
                        loaded[file.path] = replace(_aside(file, content_hash), duplicate_of=same)
                    else:
                        read.append(self._read(part, path, content_hash))
            except SetAsideError as reason:
                loaded[file.path] = _aside(file, content_hash, str(reason))
            except FileProblem as problem:
                problems.append(str(problem))
        if not problems and not read and (aside := [f for f in loaded.values() if f.set_aside]) and chosen.parts:
            told = "; ".join(f"{file.path}: {file.set_aside}" for file in aside)
            problems.append(f"{told}. The month has no other file: land what it lacks")
        if not problems:
            read = self._without_repeats(without_older_runs(self._connection, self.source, read))
            read = self._with_lacking_days(chosen.replaced, read)
        self.records = sum(one.records for one in read)
        loaded |= {one.part.file.path: one.loaded for one in read}
        if SOURCES[self.source].file_facts:
            self._write_facts([{**one.facts, "source_file": one.part.file.path} for one in read if one.rows])
        problems += self._wrong_month(read)
        return [loaded[file.path] for file in files], problems

    def _without_repeats(self, read: list[ReadPart]) -> list[ReadPart]:
        """The parts without the tables whose records another one holds."""
        compared = []
        for one in (one for one in read if one.rows):
            profile = profile_of(one.part.file.path, self.profiles)
            group = one.part.facts.get("kind") or _subfolder(self.source, one.part.file)
            is_additive = profile is not None and profile.additive
            compared += [
                Records(one.part.file.path + piece.name, piece.hashes, group, is_additive)
                for piece in one.pieces
                if piece.hashes is not None
            ]
        repeats = find_repeats(compared)
        self.shared += repeats.problems
        return [one.without_repeats(repeats) for one in read]

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

    def _read(self, part: Part, path: Path, content_hash: str) -> ReadPart:
        """Convert one part; FileProblem also when all of its rows belong to another month."""
        origin, facts = self._origin(part.file, content_hash), dict(part.facts)
        reader = SOURCES[self.source].reader
        if reader == "usage":
            profile = profile_of(part.file.path, self.profiles)
            usage = open_usage_file(self.source, part, path, origin, self._limits(), profile)
            facts = usage.facts
            one = self._converted(part, content_hash, Opened([(usage.table, usage.frame)]), facts)
        elif reader == "delimited":
            with members_of(path, part.file.path, self._limits(), self.folder) as members:
                one = self._converted(part, content_hash, self._opened_members(members, origin), facts)
        else:
            opened = self._open(path, origin, part.file.path)
            one = self._converted(part, content_hash, opened, facts)
        ignored = Counter[str]()
        for rows in one.rows:
            ignored.update(leave_out(self._connection, rows, part.ignores))
        outside = self._outside(one)
        problem = wrong_month(self.source, self.month, outside) if SOURCES[self.source].reader == "usage" else None
        if problem is not None:
            raise FileProblem(part.file.path, problem)
        left_out = sum(ignored.values())
        warnings = one.loaded.warnings | ({"date_outside_month": outside.rows} if outside.rows else {})
        warnings |= {"kind_assumed": one.loaded.rows} if facts.get("kind_assumed") else {}
        told = replace(
            one.loaded,
            rows=one.loaded.rows - left_out,
            ignored=dict(ignored + Counter(one.loaded.ignored)),
            warnings=warnings,
            outside_month={currency: str(amount) for currency, amount in outside.amounts.items()},
        )
        return replace(one, loaded=told, records=one.records - left_out)

    def _opened_members(self, members: Members, origin: Origin) -> Opened:
        opened = [
            self._open(path, replace(origin, file=origin.file + name), origin.file)
            for name, path in members.files.items()
        ]
        unread = {f"/{member}": "no file of the source by its name" for member in members.unread}
        unread |= {name: why for one in opened for name, why in one.unread.items()}
        return Opened([table for one in opened for table in one.tables], unread=unread)

    def _open(self, path: Path, origin: Origin, landed: str) -> Opened:
        profile = profile_of(landed, self.profiles)
        return open_file(self.source, path, origin, self._limits(), hints_of(self.month, self.settings), profile)

    def _wrong_month(self, read: list[ReadPart]) -> list[str]:
        """Why documents that are all dated outside the month are not loaded, if so."""
        outside = [self._outside(one) for one in read]
        problem = wrong_month(self.source, self.month, together(outside))
        named = ", ".join(one.part.file.path for one in read if one.loaded.rows)
        return [f"{self.source} {self.month}: {problem} ({named})"] if problem else []

    def _outside(self, one: ReadPart) -> Outside:
        """What of a part is dated outside the month, by the column that its profile names, if so."""
        profile = profile_of(one.part.file.path, self.profiles)
        dated_by = (profile.month_from if profile else None) or SOURCES[self.source].dated_by
        return outside_month(self._connection, self.source, self.month, one.rows, dated_by)

    def _with_lacking_days(self, replaced: list[Replaced], read: list[ReadPart]) -> list[ReadPart]:
        """The days that a run lacks though one that it replaces had them: a warning, and the table `lacking_days`."""
        found = list(read)
        for run in replaced:
            newer = of_run(read, run)
            older = [self._days_of(part) for part in run.parts]
            days = set().union(*older) - days_of(self._connection, self.source, [p for one in newer for p in one.rows])
            if not days or not newer:
                continue
            table = next(t for t in SOURCES[self.source].extra_tables if t.name == "lacking_days")
            self._write_extra_table(table, lacking_rows(run, days), newer[0].part.file.path)
            at = found.index(newer[0])
            warnings = newer[0].loaded.warnings | {lacking_warning(run, days): len(days)}
            found[at] = replace(newer[0], loaded=replace(newer[0].loaded, warnings=warnings))
        return found

    def _days_of(self, part: Part) -> set[dt.date]:
        """The days of the month that a run which does not count has rows of."""
        if is_manifest(part.file.path):
            return set()
        with self.store.open_local(part.file) as path:
            origin = self._origin(part.file, "")
            profile = profile_of(part.file.path, self.profiles)
            usage = open_usage_file(self.source, part, path, origin, self._limits(), profile)
            rows, quarantine = (self.folder / f"replaced-{table}.parquet" for table in ("rows", "quarantine"))
            convert(self._connection, usage.table, usage.frame, rules_of(self.source), rows, quarantine)
        leave_out(self._connection, rows, part.ignores)
        days = days_of(self._connection, self.source, [rows])
        rows.unlink()
        quarantine.unlink()
        return {day for day in days if f"{day:%Y-%m}" == self.month}

    def _origin(self, file: LandedFile, content_hash: str) -> Origin:
        return Origin(self.source, self.month, file.path, content_hash, f"{self.started:%Y-%m-%d %H:%M:%S.%f}")

    def _limits(self) -> UnpackLimits:
        return UnpackLimits(self.settings.max_unpack_ratio, self.settings.max_unpacked_bytes)

    def _converted(self, part: Part, content_hash: str, opened: Opened, facts: dict[str, str | None]) -> ReadPart:
        """Convert the tables of a file, and write what it holds beside them."""
        rules, file = rules_of(self.source), part.file
        found, extra, rows, quarantine = [], [], [], []
        pieces: list[Piece] = []
        is_page = SOURCES[self.source].reader == "bss" and not _is_list(file.path)
        compared = part.is_loose and not is_page and (self._loose > 1 or len(opened.tables) > 1)
        for table, frame in opened.tables:
            number = len(self.tables["rows"])
            rows.append(self._target("rows", number))
            quarantine.append(self._target("quarantine", number))
            table, frame, converted = self._convert(table, frame, rules, rows[-1], quarantine[-1])
            found.append(converted)
            told = table.facts if isinstance(table, ListTable | RegularTable) else _facts_of(table, frame)
            name = frame.origin.file.removeprefix(file.path) + table.name
            hashes = record_hashes(rows[-1], quarantine[-1]) if compared else None
            pieces.append(Piece(name, converted, (rows[-1], quarantine[-1]), told, hashes))
            used = {*frame.bound.values(), *frame.left_out}
            extra += told.unbound or [h for n, h in enumerate(table.headings) if n not in used and h]
        for further in SOURCES[self.source].extra_tables:
            self._write_extra_table(further, opened.extra.get(further.name, []), file.path)
        whole = _together(found)
        loaded = LoadedFile(
            file.path, file.etag, file.size, content_hash, whole.rows, whole.rejected, None, extra, whole.warnings,
            whole.duplicates, whole.ignored, [name.lstrip("/#") for name in opened.unread],
        )  # fmt: skip
        return ReadPart(part, self._told(loaded, pieces, opened), rows, quarantine, whole.records, facts, pieces)

    def _convert(
        self, table: Table, frame: Frame, rules: Rules, rows: Path, quarantine: Path
    ) -> tuple[Table, Frame, Converted]:
        """What came of a table, read as its values turned out to be: by intake, or with commas as decimal marks."""
        try:
            converted = convert(self._connection, table, frame, rules, rows, quarantine)
        except IrregularError:
            table, frame = by_intake(table, frame)
            converted = convert(self._connection, table, frame, rules, rows, quarantine)
        is_pointed = not isinstance(table, ListTable | RegularTable) and frame.dialect.decimal_mark == "."
        if is_pointed and (converted.rejected or converted.warnings):
            other = turned(table, frame)
            if other is not None:
                converted = convert(self._connection, table, other, rules, rows, quarantine)
        return table, frame, converted

    def _told(self, loaded: LoadedFile, pieces: list[Piece], opened: Opened) -> LoadedFile:
        """The file with what was decided and assumed to read its tables."""
        profile = profile_of(loaded.path, self.profiles)
        if profile is None or profile.control_totals == "fail":
            self.disagreeing += [text for piece in pieces for text in piece.disagreeing(loaded.path)]
        tables = [loaded_table(piece) for piece in pieces]
        tables += [LoadedTable(name, set_aside=f"not read: {why}") for name, why in opened.unread.items()]
        warnings, ignored = Counter(loaded.warnings), Counter(loaded.ignored)
        for piece in pieces:
            warnings.update(piece.facts.warnings)
            ignored.update(piece.facts.ignored)
        return replace(loaded, warnings=dict(warnings), ignored=dict(ignored), tables=tables)

    def _write_facts(self, facts: list[dict[str, str | None]]) -> None:
        """The table `files`: one row per file that was read, with what is known of it as a whole."""
        columns = SOURCES[self.source].file_facts
        names = [*(column.name for column in columns), "source_file"]
        text = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in facts],
            pa.schema([(name, pa.string()) for name in names]),
        )
        connection = self._connection
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


def _aside(file: LandedFile, content_hash: str, reason: str | None = None) -> LoadedFile:
    """A file of which nothing counts."""
    return LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, set_aside=reason)


def _facts_of(table: Table, frame: Frame) -> Facts:
    """What is told of a table that no intake has read: of delimited text its heading, and the rows above it."""
    if not isinstance(table, DelimitedTable):
        return Facts()
    bound = {name: table.headings[position] for name, position in frame.bound.items()}
    titles = {"title": table.heading_line - 1} if table.heading_line > 1 else {}
    return Facts(table.heading_line, bound, ignored=titles)


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
    whole = [f.path for f in loaded if f.quarantined and not f.rows and (f.quarantined > 1 or _is_list(f.path))]
    text = f"{source} {month}: {rejected} of {total} rows were rejected, {allowed} are allowed"
    text += f"; every record of {', '.join(whole)} was rejected" if whole else ""
    passed = rejected <= allowed and not whole
    return Check("quarantine_share", passed, text if passed else f"{text}; first: {_first_rejection(quarantine)}")


def _is_list(path: str) -> bool:
    """Whether a file is a list by its kind: a document alone is one record, which may be lost (e-invoices, rule 20)."""
    return not path.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".xml", ".zip"))


def _first_rejection(quarantine: list[Path]) -> str:
    for path in filter(Path.exists, quarantine):
        for row in pq.read_table(path).slice(0, 1).to_pylist():
            record = f"record {row['source_row']}"
            where = f"row {row['source_line']} ({record})" if row["source_line"] else record
            if row["column_name"] is None:
                return f"{row['source_file']}, {where}: {row['reason']}"
            return f"{row['source_file']}, {where}, column '{row['column_name']}': {row['value']!r} {row['reason']}"
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
