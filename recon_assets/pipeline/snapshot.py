"""What a build reads beside the raw months, as files named by what they hold, so that a build can be repeated: the
decisions that hold, and what closed months show of e-invoices."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue.raw_tables import DECISIONS
from recon_assets.issues.database import has_database
from recon_assets.issues.decisions import Decision, Standing, open_decisions, standing
from recon_assets.lakehouse.log import Publication
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.views import quoted
from recon_assets.months import first_day
from recon_assets.settings import Settings

_FOLDER = "decisions"
_CLOSED_FOLDER = "closed"
_EINVOICES, _MART = "einvoices", "einvoice_reconciliation"
# Pairs that may have been made across months, and e-invoices that wait for one.
_SHOWN = (
    "pass in ('late', 'consolidated', 'consolidated_lines') or (pass is null and einvoice_document_number is not null)"
)
_TYPES = {
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "decimal(38, 12)": pa.decimal128(38, 12),
    "varchar": pa.string(),
}
_SCHEMA = pa.schema([(column.name, _TYPES[column.sql_type]) for column in DECISIONS])


def take_snapshot(settings: Settings) -> str:
    """Keep what is decided now below `raw`; the file's path there, empty when nothing is decided."""
    if not has_database(settings):
        return ""
    held = standing(open_decisions(settings).history())
    rows = sorted((row for one in held.values() for row in _rows(one)), key=lambda row: row["decision_id"])
    if not rows:
        return ""
    digest = hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()
    file = settings.raw / _FOLDER / f"{digest[:32]}.parquet"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), partial)
        partial.replace(file)
    return f"{_FOLDER}/{file.name}"


def late_vars(settings: Settings, published: PublishedStore) -> dict[str, object]:
    """What pairs across months depend on, as dbt vars: which months are closed, what these show, and of the others that
    are published the mark of their late pairs."""
    closed = sorted(month for month, subject in published.closed() if subject == _EINVOICES)
    current = {month: p for (month, subject), p in published.current().items() if subject == _EINVOICES}
    return {
        "closed_months": closed,
        "published_late_pairs": {month: p.late_pairs for month, p in current.items() if month not in closed},
        "closed_einvoices_file": _closed_einvoices(settings, published, [current[month] for month in closed]),
    }


def _closed_einvoices(settings: Settings, published: PublishedStore, publications: list[Publication]) -> str:
    """Keep which e-invoices closed months show as missing or in such pairs, below `raw`: once per set of closings."""
    if not publications:
        return ""
    told = [_SHOWN, *([p.month, p.run_id, p.published_at.isoformat()] for p in publications)]
    file = settings.raw / _CLOSED_FOLDER / f"{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]}.parquet"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        with published.tables.bring([path for p in publications for path in p.marts[_MART].files]):
            rows = " union all ".join(_shown_sql(p, published.root) for p in publications)
            duckdb.connect().execute(f"copy ({rows}) to {quoted(str(partial))} (format parquet)")
        partial.replace(file)
    return f"{_CLOSED_FOLDER}/{file.name}"


def _shown_sql(publication: Publication, root: Path) -> str:
    files = ", ".join(quoted(str(root / file)) for file in publication.marts[_MART].files)
    return f"""
        select date '{publication.month}-01' as billing_month, pass is not null as is_paired, uuid,
            einvoice_document_number as document_number, einvoice_supplier_tin as supplier_tin
        from read_parquet([{files}])
        where {_SHOWN}
    """


def _rows(held: Standing) -> Iterator[dict[str, Any]]:
    """The rows of one row's decisions; of the newest about its pair the row tells when it has no verdict."""
    pairings = sorted([*held.unpairs, *([held.pair] if held.pair else [])], key=lambda d: d.decision_id)
    for decision in pairings:
        yield _row(decision, decision is pairings[-1] and held.verdict is None, False)
    if held.verdict:
        yield _row(held.verdict, True, held.awaits_approval)


def _row(decision: Decision, is_shown: bool, awaits_approval: bool) -> dict[str, Any]:
    row, documents = decision.row, decision.row.documents
    found: dict[str, Any] = {
        "decision_id": decision.decision_id, "reconciliation": row.reconciliation,
        "billing_month": first_day(row.month), "reconciliation_key": row.key, "other_key": decision.other_key,
        "action": decision.action, "is_shown": is_shown,
        "reason": decision.reason, "until_day": decision.until, "decided_by": decision.by,
        "decided_at": f"{decision.at.isoformat()}+00:00",
        "awaits_approval": awaits_approval, "fingerprint": row.fingerprint, "status_then": row.status,
        "difference_then": row.difference,
    }  # fmt: skip
    return found | {name: documents.get(name) for name in _SCHEMA.names if name not in found}


def decision_count(settings: Settings, snapshot: str) -> int:
    """Decisions of a snapshot."""
    return int(pq.read_metadata(settings.raw / snapshot).num_rows) if snapshot else 0
