"""What became of each table of the landed files of a month, until it is known which of them repeat others."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from recon_assets.catalogue.raw_tables import INTAKE
from recon_assets.lakehouse.raw import LoadedFile, LoadedTable
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.profiles import is_profile
from recon_assets.sources.convert import Converted
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import Hashes
from recon_assets.sources.intake.rows import ControlTotal


@dataclass(frozen=True)
class Piece:
    """One converted table. `hashes` are its records, where it is compared with others."""

    name: str  # what follows the file's path in source_file
    converted: Converted
    targets: tuple[Path, Path]  # rows and quarantine
    facts: Facts = field(default_factory=Facts)
    hashes: Hashes | None = None

    def disagreeing(self, file: str) -> list[str]:
        """Control totals that do not agree, as sentences; with rejected records, whose amounts may be what lacks."""
        rejected = self.converted.rejected
        lacking = f" without what could not be read of {rejected} rejected records" if rejected else ""
        return [
            f"{file}{self.name}, row {total.line}: the total of '{total.column}' is {total.said_text}, its rows add "
            f"up to {total.summed_text}{lacking}"
            for total in self.facts.control_totals
            if not total.agrees
        ]


def loaded_table(piece: Piece) -> LoadedTable:
    """The table as it is recorded."""
    facts, converted = piece.facts, piece.converted
    ignored = Counter(facts.ignored) + Counter(converted.ignored)
    return LoadedTable(
        piece.name,
        converted.rows,
        converted.rejected,
        None,
        facts.heading_line or None,
        facts.bound,
        dict(sorted(ignored.items())),
        [_as_texts(total) for total in facts.control_totals],
        [*facts.notes, *(f"{column}: {how}" for column, how in facts.dialects.items() if "no value" not in how)],
    )


def _as_texts(total: ControlTotal) -> dict[str, str]:
    texts = {"line": str(total.line), "column": total.column, "said": total.said_text, "summed": total.summed_text}
    return texts | ({"covers": "rows left out by their status too"} if total.covers_not_issued else {})


def intake_table(source: str, month: str, files: list[LoadedFile]) -> pa.Table:
    """The raw table `intake_files`: one row per file, or per sheet and member of it."""
    kinds = {"varchar": pa.string(), "bigint": pa.int64()}
    schema = pa.schema([(column.name, kinds[column.sql_type]) for column in INTAKE])
    place = {"source": source, "month": month}
    return pa.Table.from_pylist([place | row for file in files for row in _intake_rows(file)], schema)


def _intake_rows(file: LoadedFile) -> list[dict[str, object]]:
    if file.tables:
        rows = [_intake_row(file, table) for table in file.tables]
        rows[0]["warnings"] = "; ".join(file.warned) or None
        return rows
    kind = "profile" if is_profile(file.path) else "manifest" if is_manifest(file.path) else "nothing"
    aside = f"repeats {file.duplicate_of}: the same bytes" if file.duplicate_of else file.set_aside
    if aside is None and kind == "nothing":
        aside = "not read: the manifests of the month choose other files"
    return [_intake_row(file, LoadedTable("", set_aside=aside), kind)]


def _intake_row(file: LoadedFile, table: LoadedTable, kind: str = "records") -> dict[str, object]:
    totals = [
        f"row {t['line']} {t['column']}: {t['said']}, summed {t['summed']}"
        + (f" ({t['covers']})" if "covers" in t else "")
        for t in table.control_totals
    ]
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
        "warnings": None,
    }
