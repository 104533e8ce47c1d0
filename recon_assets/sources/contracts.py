"""The Pandera contract of every raw source: what a loaded month must fulfil before it replaces the one before.

Conversion and quarantine have happened by then; the contract proves what they promise. Validation runs on a polars
LazyFrame, so a month is never in memory as a whole.
"""

from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from recon_assets.catalogue import SOURCES, columns_of
from recon_assets.catalogue.raw_tables import LINEAGE
from recon_assets.months import first_day

_TYPES: dict[str, object] = {
    "text": pl.String(),
    "decimal": pl.Decimal(38, 12),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "integer": pl.Int32(),
}
_LINEAGE_TYPES: dict[str, object] = {
    "varchar": pl.String(),
    "bigint": pl.Int64(),
    "timestamp": pl.Datetime("us"),
    "date": pl.Date(),
}


def contract(source: str, month: str) -> pa.DataFrameSchema:
    """The schema that every row of `source` in `month` fulfils: types, needed values, lineage, order of dates."""
    columns = {
        column.name: pa.Column(_TYPES[column.kind], nullable=column.value != "needed") for column in columns_of(source)
    }
    for context in SOURCES[source].context:
        columns[context.name] = pa.Column(pl.String(), nullable=False)
    for known in LINEAGE:
        checks = _lineage_checks(known.name, month)
        columns[known.name] = pa.Column(_LINEAGE_TYPES[known.sql_type], checks, nullable=known.name == "source_line")
    return pa.DataFrameSchema(columns, checks=_order_check(source), strict=True, name=f"{source} {month}")


def _lineage_checks(name: str, month: str) -> list[pa.Check]:
    if name == "source_row":
        return [pa.Check.ge(1)]
    return [pa.Check.eq(first_day(month))] if name == "billing_month" else []


def _order_check(source: str) -> list[pa.Check]:
    ordered = SOURCES[source].ordered
    if ordered is None:
        return []
    start, end = ordered

    def in_order(data: pa.PolarsData) -> pl.LazyFrame:
        undated = pl.col(start).is_null() | pl.col(end).is_null()
        checked: pl.LazyFrame = data.lazyframe.select((undated | (pl.col(start) <= pl.col(end))).alias("in_order"))
        return checked

    return [pa.Check(in_order, name=f"{start}_not_after_{end}")]


def violations(source: str, month: str, rows: list[Path]) -> list[str]:
    """What the month's rows break in the contract, one sentence per broken check; empty when they fulfil it."""
    frame = pl.scan_parquet(rows)
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            contract(source, month).validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.select("column", "check").unique(maintain_order=True)
        return [f"{source} {month}: column {column}: {check}" for column, check in cases.iter_rows()]
    return []
