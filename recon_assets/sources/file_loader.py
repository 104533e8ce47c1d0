"""Loading one landed file of a month: its tables are opened, converted, and written with what was decided."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import SOURCES
from recon_assets.catalogue.model import ExtraTable
from recon_assets.errors import FileProblem
from recon_assets.lakehouse.raw import LoadedFile, LoadedTable
from recon_assets.landing.manifests import Part
from recon_assets.landing.profiles import Profile, profile_of
from recon_assets.landing.reconciliation import other_month_named
from recon_assets.landing.store import LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.convert import Converted, Frame, Origin, convert
from recon_assets.sources.delimited import DelimitedTable
from recon_assets.sources.hints import hints_of
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import record_hashes
from recon_assets.sources.intake.tables import ListTable
from recon_assets.sources.intake.words import not_issued_words
from recon_assets.sources.lists import IrregularError, RegularTable, turned
from recon_assets.sources.members import Members, is_list, members_of
from recon_assets.sources.month_rows import Outside, Words, invoices_of, leave_out, outside_month, quoted, wrong_month
from recon_assets.sources.parts import ReadPart
from recon_assets.sources.pieces import Piece, loaded_table
from recon_assets.sources.readers import Opened, by_intake, open_file, rules_of
from recon_assets.sources.rules import Rules
from recon_assets.sources.stream import Table
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.usage_files import open_usage_file
from recon_assets.sources.values import registered


@dataclass
class FileLoader:
    """Converts files one after the other into `folder`, as `<table>-<number>.parquet`, all in one DuckDB."""

    source: str
    month: str
    settings: Settings
    started: dt.datetime
    folder: Path
    connection: duckdb.DuckDBPyConnection
    profiles: list[Profile]
    tables: dict[str, list[Path]]  # the files of each table
    disagreeing: list[str] = field(default_factory=list)  # control totals, as sentences

    def read(self, part: Part, path: Path, content_hash: str, loose: int) -> ReadPart:
        """Convert one part; FileProblem also when all of its rows belong to another month.

        `loose`: parts of the month that no manifest names; they are compared with one another.
        """
        origin, facts = self.origin(part.file, content_hash), dict(part.facts)
        reader = SOURCES[self.source].reader
        if reader == "usage":
            profile = profile_of(part.file.path, self.profiles)
            usage = open_usage_file(self.source, part, path, origin, self.limits(), profile)
            facts = usage.facts
            one = self._converted(part, content_hash, loose, Opened([(usage.table, usage.frame)]), facts)
        elif reader == "delimited":
            with members_of(path, part.file.path, self.limits(), self.folder) as members:
                one = self._converted(part, content_hash, loose, self._opened_members(members, origin), facts)
        else:
            opened = self._open(path, origin, part.file.path)
            one = self._converted(part, content_hash, loose, opened, facts)
        ignored = Counter[str]()
        for rows in one.rows:
            ignored.update(leave_out(self.connection, rows, part.ignores))
        outside = self.outside(one)
        problem = wrong_month(self.source, self.month, outside) if SOURCES[self.source].reader == "usage" else None
        if problem is not None:
            raise FileProblem(part.file.path, problem)
        left_out = sum(ignored.values())
        warnings = one.loaded.warnings | ({"date_outside_month": outside.rows} if outside.rows else {})
        warnings |= {"kind_assumed": one.loaded.rows} if facts.get("kind_assumed") else {}
        if (named := other_month_named(part.file.path, self.month)) is not None:
            warnings |= {f"by its name it holds {named}, its folder is {self.month}": one.loaded.rows}
        counted = self._counted_words(one)
        warnings |= {code: sum(count for _, _, count, _ in words) for code, words in counted.items()}
        told = replace(
            one.loaded,
            tables=_with_words(one.loaded.tables, counted),
            rows=one.loaded.rows - left_out,
            ignored=dict(ignored + Counter(one.loaded.ignored)),
            warnings=warnings,
            outside_month={currency: str(amount) for currency, amount in outside.amounts.items()},
        )
        return replace(one, loaded=told, records=one.records - left_out)

    def _counted_words(self, one: ReadPart) -> dict[str, list[Words]]:
        """By warning the words by which invoices of the BSS count though they may mean otherwise: stages that are no
        documents and not left out by a setting, types that are neither debit nor credit."""
        if SOURCES[self.source].reader != "bss":
            return {}
        stages = sorted(set(not_issued_words()) - set(self.settings.canceled_stages))
        listed = ", ".join(map(quoted, stages))
        asked = {
            "stage_not_issued": ("invoice_stage", f"list_contains([{listed}]::varchar[], word)"),
            "type_of_no_credit": ("invoice_type", "word <> '' and not regexp_matches(word, '^credit|^debit|invoice$')"),
        }
        found = {code: invoices_of(self.connection, one.rows, *how) for code, how in asked.items()}
        return {code: words for code, words in found.items() if words}

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
        return open_file(self.source, path, origin, self.limits(), hints_of(self.month, self.settings), profile)

    def origin(self, file: LandedFile, content_hash: str) -> Origin:
        return Origin(self.source, self.month, file.path, content_hash, f"{self.started:%Y-%m-%d %H:%M:%S.%f}")

    def limits(self) -> UnpackLimits:
        return UnpackLimits(self.settings.max_unpack_ratio, self.settings.max_unpacked_bytes)

    def _converted(
        self, part: Part, content_hash: str, loose: int, opened: Opened, facts: dict[str, str | None]
    ) -> ReadPart:
        """Convert the tables of a file, and write what it holds beside them."""
        rules, file = rules_of(self.source), part.file
        found, extra, rows, quarantine = [], [], [], []
        pieces: list[Piece] = []
        is_page = SOURCES[self.source].reader == "bss" and not is_list(file.path)
        compared = part.is_loose and not is_page and (loose > 1 or len(opened.tables) > 1)
        for table, frame in opened.tables:
            number = len(self.tables["rows"])
            rows.append(self.target("rows", number))
            quarantine.append(self.target("quarantine", number))
            table, frame, converted = self._convert(table, frame, rules, rows[-1], quarantine[-1])
            found.append(converted)
            told = table.facts if isinstance(table, ListTable | RegularTable) else _facts_of(table, frame)
            name = frame.origin.file.removeprefix(file.path) + table.name
            hashes = record_hashes(rows[-1], quarantine[-1]) if compared else None
            pieces.append(Piece(name, converted, (rows[-1], quarantine[-1]), told, hashes))
            used = {*frame.bound.values(), *frame.left_out}
            extra += told.unbound or [h for n, h in enumerate(table.headings) if n not in used and h]
        for further in SOURCES[self.source].extra_tables:
            self.write_extra_table(further, opened.extra.get(further.name, []), file.path)
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
            converted = convert(self.connection, table, frame, rules, rows, quarantine)
        except IrregularError:
            table, frame = by_intake(table, frame)
            converted = convert(self.connection, table, frame, rules, rows, quarantine)
        is_pointed = not isinstance(table, ListTable | RegularTable) and frame.dialect.decimal_mark == "."
        if is_pointed and converted.has_odd_numbers:
            other = turned(table, frame)
            if other is not None:
                converted = convert(self.connection, table, other, rules, rows, quarantine)
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

    def write_extra_table(self, table: ExtraTable, rows: list[dict[str, str]], file: str) -> None:
        text = pa.Table.from_pylist(rows, pa.schema([(column.name, pa.string()) for column in table.columns]))
        select = ", ".join(f"{column.sql} as {column.name}" for column in table.columns)
        with registered(self.connection, "extra_text", text):
            sql = f"select {select}, ?::varchar as source_file from extra_text"
            found = self.connection.execute(sql, [file]).to_arrow_table()
        number = len(self.tables.get(table.name, []))
        pq.write_table(found, self.target(table.name, number), compression="zstd")

    def target(self, table: str, number: int) -> Path:
        path = self.folder / f"{table}-{number:04d}.parquet"
        self.tables.setdefault(table, []).append(path)
        return path

    def outside(self, one: ReadPart) -> Outside:
        """What of a part is dated outside the month, by the column that its profile names, if so."""
        profile = profile_of(one.part.file.path, self.profiles)
        dated_by = (profile.month_from if profile else None) or SOURCES[self.source].dated_by
        return outside_month(self.connection, self.source, self.month, one.rows, dated_by)


def _with_words(tables: list[LoadedTable], counted: dict[str, list[Words]]) -> list[LoadedTable]:
    """The tables of a file, the first of which tells the words by which invoices count."""
    told = [
        f"{code}: {word}: {count:,} lines, {amount:,.2f} {currency}"
        for code, words in counted.items()
        for word, currency, count, amount in words
    ]
    return [replace(table, notes=[*table.notes, *told]) if n == 0 else table for n, table in enumerate(tables)]


def _facts_of(table: Table, frame: Frame) -> Facts:
    """What is told of a table that no intake has read: of delimited text its heading, and the rows above it."""
    if not isinstance(table, DelimitedTable):
        return Facts()
    bound = {name: table.headings[position] for name, position in frame.bound.items()}
    titles = {"title": table.titles} if table.titles else {}
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
