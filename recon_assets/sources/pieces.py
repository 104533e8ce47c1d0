"""What became of each table of the landed files of a month, until it is known which of them repeat others."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from recon_assets.catalogue.raw_tables import INTAKE
from recon_assets.lakehouse.raw import LoadedFile, LoadedTable
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.profiles import is_profile
from recon_assets.landing.store import LandedFile
from recon_assets.sources.convert import Converted
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import Hashes, Records, Repeats
from recon_assets.sources.intake.rows import ControlTotal


@dataclass(frozen=True)
class Piece:
    """One converted table. `hashes` are its records, where it is compared with others."""

    name: str  # what follows the file's path in source_file
    converted: Converted
    targets: tuple[Path, Path]  # rows and quarantine
    facts: Facts = field(default_factory=Facts)
    hashes: Hashes | None = None


@dataclass
class Taken:
    """One landed file that was read."""

    file: LandedFile
    content_hash: str
    group: str = ""  # files of one group are compared with one another
    is_additive: bool = False
    may_disagree: bool = False  # a control total that disagrees is a warning only
    pieces: list[Piece] = field(default_factory=list)
    extra_columns: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    def records(self) -> list[Records]:
        """The tables to be compared with others."""
        return [
            Records(self.file.path + piece.name, piece.hashes, self.group, self.is_additive)
            for piece in self.pieces
            if piece.hashes is not None
        ]

    def disagreeing(self) -> list[str]:
        """Control totals that do not agree, as sentences."""
        return [
            f"{self.file.path}{piece.name}, row {total.line}: the total of '{total.column}' is {total.said}, its rows "
            f"add up to {total.summed}"
            for piece in self.pieces
            for total in piece.facts.control_totals
            if not total.agrees
        ]

    def settle(self, repeats: Repeats) -> LoadedFile:
        """The file as it was loaded: the rows of tables that repeat others are removed."""
        tables, kept = [], []
        for piece in self.pieces:
            other = repeats.of.get(self.file.path + piece.name)
            if other is None:
                kept.append(piece.converted)
            else:
                for target in piece.targets:
                    target.unlink()
            tables.append(_loaded_table(piece, None if other is None else f"repeats {other}"))
        tables += [LoadedTable(name, set_aside=f"not read: {why}") for name, why in self.unread.items()]
        warnings = Counter[str]()
        for piece in self.pieces:
            warnings.update(piece.converted.warnings)
            warnings.update(piece.facts.warnings)
        return LoadedFile(
            self.file.path, self.file.etag, self.file.size, self.content_hash,
            sum(c.rows for c in kept), sum(c.rejected for c in kept), None, self.extra_columns, dict(warnings),
            sum(c.duplicates for c in kept), dict(sum((Counter(table.ignored) for table in tables), Counter())),
            [name.lstrip("/#") for name in self.unread], tables,
        )  # fmt: skip


def _loaded_table(piece: Piece, set_aside: str | None) -> LoadedTable:
    facts, converted = piece.facts, piece.converted
    ignored = Counter(facts.ignored) + Counter(converted.ignored)
    return LoadedTable(
        piece.name,
        0 if set_aside else converted.rows,
        0 if set_aside else converted.rejected,
        set_aside,
        facts.heading_line or None,
        facts.bound,
        dict(sorted(ignored.items())),
        [_as_texts(total) for total in facts.control_totals],
        [*facts.notes, *(f"{column}: {how}" for column, how in facts.dialects.items() if "no value" not in how)],
    )


def _as_texts(total: ControlTotal) -> dict[str, str]:
    return {"line": str(total.line), "column": total.column, "said": str(total.said), "summed": str(total.summed)}


def intake_table(source: str, month: str, files: list[LoadedFile]) -> pa.Table:
    """The raw table `intake_files`: one row per file, or per sheet and member of it."""
    kinds = {"varchar": pa.string(), "bigint": pa.int64()}
    schema = pa.schema([(column.name, kinds[column.sql_type]) for column in INTAKE])
    place = {"source": source, "month": month}
    return pa.Table.from_pylist([place | row for file in files for row in _intake_rows(file)], schema)


def _intake_rows(file: LoadedFile) -> list[dict[str, object]]:
    if file.tables:
        return [_intake_row(file, table) for table in file.tables]
    kind = "profile" if is_profile(file.path) else "manifest" if is_manifest(file.path) else "nothing"
    aside = f"repeats {file.duplicate_of}: the same bytes" if file.duplicate_of else None
    if aside is None and kind == "nothing":
        aside = "not read: the manifests of the month choose other files"
    return [_intake_row(file, LoadedTable("", set_aside=aside), kind)]


def _intake_row(file: LoadedFile, table: LoadedTable, kind: str = "records") -> dict[str, object]:
    totals = [f"row {t['line']} {t['column']}: {t['said']}, summed {t['summed']}" for t in table.control_totals]
    return {
        "source_file": file.path + table.name,
        "taken_as": "nothing" if (table.set_aside or "").startswith("not read") else kind,
        "row_count": table.rows,
        "rejected_count": table.rejected,
        "ignored_count": sum(table.ignored.values()),
        "ignored": ", ".join(f"{name} {count}" for name, count in table.ignored.items()) or None,
        "set_aside": table.set_aside,
        "control_totals": "; ".join(totals) or None,
        "assumptions": "; ".join(table.notes) or None,
    }
