"""Builds random usage months and compares every mart with the oracle's, row by row and column by column."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from recon_assets.pipeline.build import Build, run_build
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets_tests.oracle.usage import Result, reconcile

GRAIN = ["comparison", "invoice_number", "azure_subscription_id", "currency"]
MARTS = {
    "summary": ("usage_cost_summary", GRAIN),
    "grid": ("usage_cost_reconciliation", [*GRAIN, "meter_id"]),
    "variations": ("usage_cost_variations", [*GRAIN, "meter_id", "usage_date", "resource_id"]),
    "out_of_scope": ("usage_cost_out_of_scope", [*GRAIN, "charge_type", "publisher_type"]),
}


def build_months(home: Path, months: list[str]) -> Build:
    """Load and build months of the landing zone below `home`, without orchestration."""
    platform = Platform.from_settings(Settings(home=home, quarantine_limit=1))  # type: ignore[arg-type]
    for source in ("azure_invoice_usage", "azure_cost_export", "azure_usage_aggregated"):
        for month in months:
            load = platform.load(source, month)
            assert load.outcome == "loaded" or source == "azure_usage_aggregated", load.problems
    return run_build(platform.settings, "usage", months, "run", dt.date(2030, 1, 1))


def differences(build: Build, landing: Path, months: list[str]) -> list[str]:
    """What the build and the oracle disagree on, as sentences; empty when they agree."""
    found = [f"{c.month}: check {c.name} failed" for c in build.checks if not c.passed]
    with duckdb.connect(str(build.database), read_only=True) as connection:
        for month in months:
            expected = reconcile(landing, month)
            for field, (mart, grain) in MARTS.items():
                found += [
                    f"{month} {mart} {line}"
                    for line in _compare(connection, month, mart, grain, getattr(expected, field))
                ]
            found += _compare_quarantine(connection, month, expected)
    return found


def _compare(
    connection: duckdb.DuckDBPyConnection,
    month: str,
    mart: str,
    grain: list[str],
    expected: dict[tuple[Any, ...], dict[str, Any]],
) -> list[str]:
    result = connection.execute(f"from marts.{mart} where billing_month = ?", [f"{month}-01"])
    names = [column[0] for column in result.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    actual = {tuple(str(r[g]) if g == "usage_date" else r[g] for g in grain): r for r in rows}
    lines = [f"lacks {key}: {expected[key]}" for key in expected.keys() - actual.keys()]
    lines += [f"has {key}, which nothing expects" for key in actual.keys() - expected.keys()]
    for key in expected.keys() & actual.keys():
        wrong = {n: (actual[key][n], v) for n, v in expected[key].items() if actual[key][n] != v}
        if wrong:
            lines.append(f"{key} (ours, oracle's): {wrong}")
    return lines


def _compare_quarantine(connection: duckdb.DuckDBPyConnection, month: str, expected: Result) -> list[str]:
    sql = "select source_file, source_row from raw.quarantined_rows where month = ?"
    actual = set(connection.execute(sql, [month]).fetchall())
    return [f"quarantine differs: {row}" for row in actual ^ expected.quarantined]
