"""What materializations show in the Dagster UI: counts, amounts, files, previews, links."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import dagster as dg
import duckdb

from recon_assets.catalogue import SOURCES
from recon_assets.catalogue.marts import Mart
from recon_assets.lakehouse.raw import RawMonth
from recon_assets.pipeline.build import Build
from recon_assets.pipeline.publish import MonthOutcome
from recon_assets.platform import Platform
from recon_assets.visible import one_line

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|!#~&]")
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 12

Metadata = Mapping[str, Any]


def raw_metadata(platform: Platform, month: RawMonth) -> Metadata:
    """Rows, rejected rows, files, amount per currency and a preview of a loaded raw month."""
    paths = [str(platform.raw.root / path) for path in month.tables["rows"]]
    with duckdb.connect() as connection:
        rows = connection.read_parquet(paths)
        amount, currency = SOURCES[month.source].amount, SOURCES[month.source].currency
        totals = rows.aggregate(f"{currency}, sum({amount}) as amount, count(*) as row_count", currency).order(currency)
        tables = {"preview": _markdown(rows), "amounts": _markdown(totals)}
        amounts = {f"amount_{row[0]}": float(row[1] or 0) for row in totals.fetchall()}
    duplicates = [f"{f.path} (same content as {f.duplicate_of})" for f in month.files if f.duplicate_of]
    ignored = sorted({column for f in month.files for column in f.extra_columns})
    aside = [f"{f.path}{t.name}: {t.set_aside}" for f in month.files for t in f.tables if t.set_aside]
    left_out = {f"{f.path}{t.name}": t.ignored for f in month.files for t in f.tables if t.ignored}
    control_totals = {f"{f.path}{t.name}": t.control_totals for f in month.files for t in f.tables if t.control_totals}
    notes = {f"{f.path}{t.name}": t.notes for f in month.files for t in f.tables if t.notes}
    warned = [f"{f.path}: {text}" for f in month.files for text in f.warned]
    return {
        "dagster/row_count": month.rows,
        "quarantined_rows": month.quarantined,
        "files": dg.MetadataValue.json([f.path for f in month.files]),
        "duplicate_files": dg.MetadataValue.json(duplicates),
        "set_aside": dg.MetadataValue.json(aside),
        "ignored_rows": dg.MetadataValue.json(left_out),
        "control_totals": dg.MetadataValue.json(control_totals),
        "assumed": dg.MetadataValue.json(notes),
        "unknown_columns": dg.MetadataValue.json(ignored),
        "warnings": dg.MetadataValue.json(warned),
        **amounts,
        **tables,
    }


def model_metadata(build: Build, months: list[str], marts: Mapping[str, Mart]) -> dict[tuple[str, str], Metadata]:
    """Row count of every model and month; for marts a preview and, where they have a status, counts by status."""
    found: dict[tuple[str, str], Metadata] = {}
    with duckdb.connect(str(build.database), read_only=True) as connection:
        for node in build.nodes:
            for month in months:
                metadata: dict[str, Any] = {"seconds": node.seconds}
                if node.rows:
                    metadata["dagster/row_count"] = node.rows.get(month, 0)
                if node.name in marts:
                    rows = connection.sql(f"from marts.{node.name}").filter(f"billing_month = date '{month}-01'")
                    metadata["preview"] = _markdown(rows)
                    metadata |= _status_metadata(marts[node.name], rows)
                found[node.unique_id, month] = metadata
    return found


def _status_metadata(mart: Mart, rows: duckdb.DuckDBPyRelation) -> dict[str, Any]:
    """Rows and differences by status as a table, and the counts as numbers that the UI plots over months."""
    if mart.status is None:
        return {}
    # Differences are sums of one currency: the row's, or the one that the mart's column is named after.
    kinds = ", ".join([mart.status, *(name for name in ("register_type", "currency") if name in rows.columns)])
    by_status = rows.aggregate(
        f"{kinds}, count(*) as row_count, sum({mart.difference}) as {mart.difference}", kinds
    ).order(kinds)
    counts = rows.aggregate(f"{mart.status}, count(*) as row_count", mart.status).order(mart.status).fetchall()
    return {"summary": _markdown(by_status), **{f"rows_{status}": count for status, count in counts}}


def publication_metadata(outcome: MonthOutcome) -> Metadata:
    """Numbers of a published month that the UI plots over months; amounts are floats, which plots need."""
    counts = {"dagster/row_count": outcome.numbers["rows"]}
    others = {name: value for name, value in outcome.numbers.items() if name != "rows"}
    return counts | {name: float(value) if isinstance(value, Decimal) else value for name, value in others.items()}


def _markdown(rows: duckdb.DuckDBPyRelation) -> dg.MarkdownMetadataValue:
    columns = rows.columns[:_PREVIEW_COLUMNS]
    shown = rows.limit(50 if "row_count" in columns else _PREVIEW_ROWS).fetchall()
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row[:_PREVIEW_COLUMNS]) + " |" for row in shown]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    """Text of files as it is: no picture that a browser would fetch, no link, no further cell."""
    return "" if value is None else _MARKDOWN.sub(r"\\\g<0>", one_line(str(value)))


def month_link(platform: Platform, subject: str, month: str) -> dg.UrlMetadataValue:
    """The page of the month in the reporting app."""
    return dg.MetadataValue.url(f"{platform.settings.app_url}/{subject}?month={month}")
