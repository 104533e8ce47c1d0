"""What a load must pass before it replaces the month: schema, row count, rejected rows, control totals, repeats."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from recon_assets.catalogue import SOURCES
from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.landing.profiles import IN_A_PROFILE
from recon_assets.settings import Settings
from recon_assets.sources.members import is_list
from recon_assets.sources.month_loader import MonthLoader


@dataclass(frozen=True)
class Check:
    """One audit of a load. A failed check keeps the month as it was before."""

    name: Literal["schema", "row_count", "quarantine_share", "control_totals", "repeats"]
    passed: bool
    detail: str


def audit(
    source: str, month: str, loaded: list[LoadedFile], problems: list[str], loader: MonthLoader, settings: Settings
) -> list[Check]:
    """The audits of a load; without files that could be read there is nothing else to audit."""
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
        Check("control_totals", not loader.disagreeing, _totals_text(loader.disagreeing)),
        Check("repeats", not loader.shared, "; ".join(loader.shared) or "no two files share half their records"),
    ]


def _totals_text(disagreeing: list[str]) -> str:
    if not disagreeing:
        return "every control total agrees"
    return f'Correct the list, or say control_totals = "warn" {IN_A_PROFILE}: {"; ".join(disagreeing)}'


def _quarantine_check(
    source: str, month: str, loaded: list[LoadedFile], settings: Settings, quarantine: list[Path]
) -> Check:
    """Few enough rows are rejected, and not every record of a list."""
    total = sum(file.rows + file.quarantined for file in loaded)
    allowed = max(1, int(total * settings.quarantine_limit))
    rejected = sum(file.quarantined - file.duplicates for file in loaded)
    # A document or page alone is one record, which may be lost; of JSON Lines also one is a list.
    are_lists = SOURCES[source].reader in ("delimited", "usage")
    gone = (file for file in loaded if file.quarantined and not file.rows)
    whole = [file.path for file in gone if file.quarantined > 1 or are_lists or is_list(file.path)]
    text = f"{source} {month}: {rejected} of {total} rows were rejected, {allowed} are allowed"
    text += f"; every record of {', '.join(whole)} was rejected" if whole else ""
    passed = rejected <= allowed and not whole
    remedy = "Correct them in the file, or raise RECON_QUARANTINE_LIMIT (a share of the rows)"
    told = f"{text}. {remedy}; first: {_first_rejection(quarantine)}"
    return Check("quarantine_share", passed, text if passed else told)


def _first_rejection(quarantine: list[Path]) -> str:
    for path in filter(Path.exists, quarantine):
        for row in pq.read_table(path).slice(0, 1).to_pylist():
            record = f"record {row['source_row']}"
            where = f"row {row['source_line']} ({record})" if row["source_line"] else record
            if row["column_name"] is None:
                return f"{row['source_file']}, {where}: {row['reason']}"
            what = row["reason"] if row["value"] is None else f"{row['value']!r} {row['reason']}"
            return f"{row['source_file']}, {where}, column '{row['column_name']}': {what}"
    return "none"


def _schema_check(source: str, month: str, rows: list[Path]) -> Check:
    from recon_assets.sources.contracts import violations  # pandera takes a second to import; only loads need it

    broken = violations(source, month, rows) if rows else []
    return Check("schema", not broken, "; ".join(broken) or f"{source} {month} fulfils its contract")
