"""The files of a month that count, loaded and set against each other: repeats, older runs, days that one lacks."""

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import SOURCES
from recon_assets.errors import FileProblem, FileUnreadable, InputError
from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.landing.manifests import Part, Replaced, is_manifest
from recon_assets.landing.profiles import is_profile, profile_of, read_profiles
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.convert import convert
from recon_assets.sources.file_loader import FileLoader
from recon_assets.sources.intake.repeats import Records, find_repeats, record_hashes
from recon_assets.sources.members import is_list
from recon_assets.sources.month_rows import days_of, leave_out, together, wrong_month
from recon_assets.sources.parts import ReadPart, lacking_rows, lacking_warning, of_run, without_older_runs
from recon_assets.sources.pieces import intake_table
from recon_assets.sources.readers import rules_of
from recon_assets.sources.usage_files import SetAsideError, choose_files, open_usage_file
from recon_assets.sources.values import connect
from recon_assets.sources.version import content_hash_of


@dataclass
class MonthLoader:
    """Loads the files of one month of one source into `folder`."""

    source: str
    month: str
    store: FileStore
    settings: Settings
    started: dt.datetime
    folder: Path
    elsewhere: dict[str, str] = field(default_factory=dict)  # by content the files that count in other months
    tables: dict[str, list[Path]] = field(default_factory=lambda: {"rows": [], "quarantine": []})
    records: int = 0
    shared: list[str] = field(default_factory=list)  # files that share too many records, as sentences
    disagreeing: list[str] = field(default_factory=list)  # control totals, likewise
    _files: FileLoader = field(init=False, repr=False)

    def load(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """What was loaded, and why the other files could not be read."""
        try:
            profiles = read_profiles([file for file in files if is_profile(file.path)], self.store, self.source)
        except (InputError, FileUnreadable) as error:
            return [], [str(error)]
        connection = connect(self.folder, self.settings.load_memory_limit)
        self._files = FileLoader(
            self.source, self.month, self.settings, self.started, self.folder, connection, profiles, self.tables
        )
        try:
            loaded, problems = self._load_chosen([file for file in files if not is_profile(file.path)])
        finally:
            connection.close()
        self.disagreeing = self._files.disagreeing
        loaded = [self._told_elsewhere(file) for file in loaded]
        try:
            loaded += [self._profile(file) for file in files if is_profile(file.path)]
        except FileUnreadable as problem:
            problems.append(str(problem))
        pq.write_table(intake_table(self.source, self.month, loaded), self._files.target("intake", 0))
        return loaded, problems

    def _told_elsewhere(self, file: LoadedFile) -> LoadedFile:
        """The file with the warning that it counts in another month too."""
        other = self.elsewhere.get(file.content_hash) if file.rows else None
        if other is None or not file.tables:
            return file
        first = replace(file.tables[0], notes=[*file.tables[0].notes, f"same_file: as {other}"])
        warnings = file.warnings | {"same_file": file.rows}
        return replace(file, tables=[first, *file.tables[1:]], warnings=warnings)

    def _profile(self, file: LandedFile) -> LoadedFile:
        with self.store.open_local(file) as path:
            return LoadedFile(file.path, file.etag, file.size, content_hash_of(path), 0, 0)

    def _load_chosen(self, files: list[LandedFile]) -> tuple[list[LoadedFile], list[str]]:
        """The files that count, by manifests where the source has them; the others are recorded with no rows."""
        chosen = choose_files(self.source, self.month, files, self.store)
        problems = list(chosen.problems)
        hashes = self._hashes_of_manifests(files, problems)
        loaded = {f.path: _aside(f, hashes.get(f.path, ""), chosen.set_aside.get(f.path)) for f in files}
        loose = sum(part.is_loose for part in chosen.parts)
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
                        read.append(self._files.read(part, path, content_hash, loose))
            except SetAsideError as reason:
                loaded[file.path] = _aside(file, content_hash, str(reason))
            except FileProblem as problem:
                problems.append(str(problem))
        if not problems and not read and (aside := [f for f in loaded.values() if f.set_aside]) and chosen.parts:
            told = "; ".join(f"{file.path}: {file.set_aside}" for file in aside)
            problems.append(f"{told}. The month has no other file: land what it lacks")
        if not problems:
            read = self._without_repeats(without_older_runs(self._files.connection, self.source, read))
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
        # Of e-invoices what only one of two files says (status, uuid) may be what overrides the other.
        is_document = SOURCES[self.source].reader == "einvoice"
        for one in (one for one in read if one.rows):
            profile = profile_of(one.part.file.path, self._files.profiles)
            group = one.part.facts.get("kind") or _subfolder(self.source, one.part.file)
            is_additive = profile is not None and profile.additive
            compared += [
                Records(
                    one.part.file.path + piece.name,
                    piece.hashes,
                    group,
                    is_additive,
                    None if is_document else piece.targets,
                    SOURCES[self.source].line,
                )
                for piece in one.pieces
                if piece.hashes is not None
            ]
        repeats = find_repeats(compared, self._lines_of_pages(read) if compared else None)
        self.shared += repeats.problems
        return [one.without_repeats(repeats) for one in read]

    def _lines_of_pages(self, read: list[ReadPart]) -> Records | None:
        """What the pages of the BSS API hold, as one table beside the lists; None where there are none."""
        known = SOURCES[self.source]
        if known.reader != "bss":
            return None
        pages = [p.targets for one in read if not is_list(one.part.file.path) for p in one.pieces if one.rows]
        hashes = [record_hashes(*targets, known.line) for targets in pages]
        return Records("pages of the API", np.sort(np.concatenate(hashes))) if hashes else None

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

    def _wrong_month(self, read: list[ReadPart]) -> list[str]:
        """Why documents that are all dated outside the month are not loaded, if so."""
        outside = [self._files.outside(one) for one in read]
        problem = wrong_month(self.source, self.month, together(outside))
        named = ", ".join(one.part.file.path for one in read if one.loaded.rows)
        return [f"{self.source} {self.month}: {problem} ({named})"] if problem else []

    def _with_lacking_days(self, replaced: list[Replaced], read: list[ReadPart]) -> list[ReadPart]:
        """The days that a run lacks though one that it replaces had them: a warning, and the table `lacking_days`."""
        found = list(read)
        for run in replaced:
            newer = of_run(read, run)
            older = [self._days_of(part) for part in run.parts]
            days = set().union(*older) - days_of(
                self._files.connection, self.source, [p for one in newer for p in one.rows]
            )
            if not days or not newer:
                continue
            table = next(t for t in SOURCES[self.source].extra_tables if t.name == "lacking_days")
            self._files.write_extra_table(table, lacking_rows(run, days), newer[0].part.file.path)
            at = found.index(newer[0])
            warnings = newer[0].loaded.warnings | {lacking_warning(run, days): len(days)}
            found[at] = replace(newer[0], loaded=replace(newer[0].loaded, warnings=warnings))
        return found

    def _days_of(self, part: Part) -> set[dt.date]:
        """The days of the month that a run which does not count has rows of."""
        if is_manifest(part.file.path):
            return set()
        with self.store.open_local(part.file) as path:
            origin = self._files.origin(part.file, "")
            profile = profile_of(part.file.path, self._files.profiles)
            usage = open_usage_file(self.source, part, path, origin, self._files.limits(), profile)
            rows, quarantine = (self.folder / f"replaced-{table}.parquet" for table in ("rows", "quarantine"))
            convert(self._files.connection, usage.table, usage.frame, rules_of(self.source), rows, quarantine)
        leave_out(self._files.connection, rows, part.ignores)
        days = days_of(self._files.connection, self.source, [rows])
        rows.unlink()
        quarantine.unlink()
        return {day for day in days if f"{day:%Y-%m}" == self.month}

    def _write_facts(self, facts: list[dict[str, str | None]]) -> None:
        """The table `files`: one row per file that was read, with what is known of it as a whole."""
        columns = SOURCES[self.source].file_facts
        names = [*(column.name for column in columns), "source_file"]
        text = pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in facts],
            pa.schema([(name, pa.string()) for name in names]),
        )
        connection = self._files.connection
        connection.register("file_facts", text)
        select = ", ".join(f"{column.sql} as {column.name}" for column in columns)
        month = f"date '{self.month}-01' as billing_month"
        connection.execute(
            f"copy (select {select}, source_file, {month} from file_facts) to '{self._files.target('files', 0)}'"
        )
        connection.unregister("file_facts")


def _aside(file: LandedFile, content_hash: str, reason: str | None = None) -> LoadedFile:
    """A file of which nothing counts."""
    return LoadedFile(file.path, file.etag, file.size, content_hash, 0, 0, set_aside=reason)


def _subfolder(source: str, file: LandedFile) -> str:
    """Folder between prefix and month: what it says belongs to the content (issued or received)."""
    known = SOURCES[source]
    return file.path.removeprefix(known.prefix).partition("/")[0] if known.subfolders else ""
