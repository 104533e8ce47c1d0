"""The usage sample: reconciliation finds exactly what expected.json says, and nothing else."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.months import month_range
from recon_assets.sample import usage
from recon_assets_tests.footing import require_bridges_foot
from recon_assets_tests.landed import as_dicts
from recon_assets_tests.oracle.compare_usage import build_months

MONTHS = month_range("2025-01", "2025-04")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usage_sample")
    expected = usage.write(folder / "landing", MONTHS, 7, 1)
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def expected(home: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / "expected.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def marts(home: Path) -> duckdb.DuckDBPyConnection:
    build = build_months(home, MONTHS)
    assert [check for check in build.checks if not check.passed] == []
    return duckdb.connect(str(build.database), read_only=True)


def test_reconciliation_finds_what_is_planted_and_nothing_else(marts: Any, expected: dict[str, Any]) -> None:
    sql = (
        "select strftime(billing_month, '%Y-%m'), comparison, invoice_number, azure_subscription_id, currency, meter_id, status, "
        "explanation, amount_variation from marts.usage_cost_reconciliation"
    )
    found = {row[:6]: row[6:] for row in marts.execute(sql).fetchall()}
    keys = ("billing_month", "comparison", "invoice_number", "azure_subscription_id", "currency", "meter_id")
    planted = {tuple(row[key] for key in keys): row for row in expected["planted"]}
    for key, row in planted.items():
        variation = row["amount_variation"]
        assert found[key] == (row["status"], row["explanation"], None if variation is None else Decimal(variation)), (
            row["what"]
        )
    assert {row[0] for key, row in found.items() if key not in planted} == {"matched"}
    counts: dict[str, dict[str, Counter[str]]] = {}
    for key, row in found.items():
        counts.setdefault(key[0], {}).setdefault(key[1], Counter())[row[0]] += 1
    assert counts == expected["statuses"]


def test_every_status_and_explanation_is_planted(expected: dict[str, Any]) -> None:
    rows = expected["planted"]
    assert {row["status"] for row in rows} == {
        "matched",
        "mismatched",
        "missing_in_cost",
        "missing_in_usage",
        "not_comparable",
    }
    assert {row["explanation"] for row in rows} == {
        None, "currency", "category_move", "zero_amount", "missing_side", "rounding", "quantity", "price", "unit", "restated",
        "unexplained",
    }  # fmt: skip


def test_the_bridge_of_the_sample_foots(marts: Any) -> None:
    require_bridges_foot(as_dicts(marts.execute("from marts.invoice_bridge")))


def test_customers_have_the_name_of_the_bill_and_what_is_only_exported_that_of_the_export(marts: Any) -> None:
    sql = "select distinct customer_name, usage_line_count > 0 from marts.usage_cost_summary where azure_subscription_id is not null"
    found = marts.execute(f"{sql} and (usage_line_count > 0 or status = 'missing_in_usage')").fetchall()
    assert set(found) == {("Adatum, Inc.", True), ("Adatum Incorporated", False)}


def test_charges_that_are_no_usage_are_reported_beside_the_differences(marts: Any, expected: dict[str, Any]) -> None:
    sql = (
        "select strftime(billing_month, '%Y-%m'), comparison, invoice_number, azure_subscription_id, currency, charge_type, "
        "cost_amount from marts.usage_cost_out_of_scope"
    )
    keys = (
        "billing_month",
        "comparison",
        "invoice_number",
        "azure_subscription_id",
        "currency",
        "charge_type",
        "cost_amount",
    )
    wanted = {(*(row[key] for key in keys[:-1]), Decimal(row["cost_amount"])) for row in expected["out_of_scope"]}
    assert set(marts.execute(sql).fetchall()) == wanted


def test_rows_that_cannot_be_read_are_set_aside_where_they_are_named(marts: Any, expected: dict[str, Any]) -> None:
    found = set(
        marts.execute("select source, month, source_file, source_row, column_name from raw.quarantined_rows").fetchall()
    )
    keys = ("source", "month", "source_file", "source_row", "column_name")
    assert found == {tuple(row[key] for key in keys) for row in expected["quarantined"]}


def test_the_same_seed_writes_the_same_files(home: Path, tmp_path: Path) -> None:
    usage.write(tmp_path / "landing", MONTHS, 7, 1)
    first, second = (
        {p.relative_to(f).as_posix(): p.read_bytes() for p in (f / "landing").rglob("*") if p.is_file()}
        for f in (home, tmp_path)
    )
    assert first == second
