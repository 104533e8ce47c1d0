"""What the cases of Microsoft's files come to in the marts: one build per subject holds all of their months."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.publish import publish_build
from recon_assets.platform import Platform
from recon_assets_tests.einvoices.built import Home
from recon_assets_tests.landed import as_dicts, load_all, platform_in, table_rows
from recon_assets_tests.wild.folders import land_case

AS_OF = dt.date(2026, 1, 1)
USAGE = {
    "c01_double_bom": ["2024-01"], "c02_underscore_manifest": ["2024-02"], "c03_unpartitioned_export": ["2024-03"],
    "c05_onetime_plus_daily": ["2024-05"], "c06_three_month_export": ["2024-06", "2024-07"],
    "c11_manifest_plus_portal_csv": ["2024-08"], "c16_german_comma_in_comma_csv": ["2025-08"], "tiny_amounts": ["2025-01"],
    "c17_rejected_record": ["2024-09"],
}  # fmt: skip
SUBSCRIPTIONS = {
    "s07_reference": ["2022-01"],
    "s09_basic_without_quantity": ["2025-01"],
    "s01_powershell_dates": ["2022-07"],
    "s13_rejected_record": ["2025-06"],
}


def built(home: Path, subject: str, cases: dict[str, list[str]]) -> tuple[Platform, Build]:
    platform = platform_in(home)
    for case in cases:
        land_case("microsoft", case, platform.settings.landing)
    failed = [load.problems for load in load_all(platform).values() if load.outcome != "loaded"]
    assert not failed
    months = sorted(month for months in cases.values() for month in months)
    return platform, run_build(platform.settings, subject, months, "run", AS_OF)


def rows(build: Build, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(build.database), read_only=True) as connection:
        return as_dicts(connection.execute(sql))


@pytest.fixture(scope="module")
def usage(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, Build]:
    return built(tmp_path_factory.mktemp("usage"), "usage", USAGE)


@pytest.fixture(scope="module")
def subscriptions(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return built(tmp_path_factory.mktemp("subscriptions"), "subscriptions", SUBSCRIPTIONS)[1]


# The month of c11 has two invoices of its own, and one of the export of three months.
@pytest.mark.parametrize(
    ("case", "invoices"),
    [(c, 3 if c.startswith("c11") else 1) for c in USAGE if c[:3] not in ("c05", "tin", "c16", "c17")],
)
def test_every_invoice_of_an_export_is_matched(usage: tuple[Platform, Build], case: str, invoices: int) -> None:
    for month in USAGE[case]:
        found = rows(
            usage[1],
            "select distinct invoice_number, status from marts.usage_cost_reconciliation "
            f"where billing_month = date '{month}-01'",
        )
        assert [row["status"] for row in found] == ["matched"] * invoices, found
        assert not any("\ufeff" in str(value) for row in found for value in row.values())


def test_an_export_beside_another_of_the_same_days_blocks_its_month(usage: tuple[Platform, Build]) -> None:
    failed = {check.name for check in usage[1].failed_checks("2024-05") if check.blocking}
    assert any("overlap" in name for name in failed), failed
    assert not [check for check in usage[1].failed_checks("2025-01") if check.blocking]


def test_a_filter_on_amounts_finds_the_row_beside_tiny_ones(usage: tuple[Platform, Build]) -> None:
    """Statistics of a decimal column must hold whatever magnitudes stand beside each other."""
    platform, build = usage
    outcomes = publish_build(
        build, platform.published, platform.raw, "run", lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    assert "2025-01" in {outcome.month for outcome in outcomes if not outcome.reasons}
    table = DeltaTable(str(platform.settings.published / "usage_cost_variations"))
    frame = table.to_pandas(filters=[("amount_variation", "=", Decimal("-200.000000000000"))])
    assert [str(value.normalize()) for value in frame["amount_variation"]] == ["-2E+2"]


def test_of_a_billable_quantity_and_an_effective_price_the_unit_cost_is_what_differs(subscriptions: Build) -> None:
    found = rows(
        subscriptions,
        "select right(ms_subscription_id, 3) as id, * from marts.subscription_reconciliation "
        "where billing_month = date '2022-01-01' order by all",
    )
    assert {row["id"]: row["explanation"] for row in found}["002"] == "unit_cost", found


def test_a_file_without_quantity_is_read_by_its_billable_quantity(subscriptions: Build) -> None:
    found = rows(
        subscriptions, "select status from marts.subscription_reconciliation where billing_month = date '2025-01-01'"
    )
    assert [row["status"] for row in found] == ["match"]


def test_a_difference_of_a_subscription_with_a_rejected_record_is_explained_by_it(subscriptions: Build) -> None:
    found = rows(
        subscriptions,
        "select right(ms_subscription_id, 1) as id, explanation, has_rejected_records "
        "from marts.subscription_reconciliation where billing_month = date '2025-06-01' order by all",
    )
    assert [tuple(row.values()) for row in found] == [("1", "rejected_records", True), ("2", "unexplained", False)]
    (owner,) = rows(
        subscriptions, "select subscription_id from marts.quarantined_rows where billing_month = date '2025-06-01'"
    )
    assert owner == {"subscription_id": "44444444-AAAA-4bbb-8ccc-000000000001"}


def test_files_that_are_only_shown_are_told_too(subscriptions: Build) -> None:
    found = rows(
        subscriptions,
        "select source, row_count, rejected_count from marts.intake_files "
        "where billing_month = date '2025-06-01' order by source",
    )
    assert [tuple(row.values()) for row in found] == [
        ("bss_invoices", 2, 0), ("ms_recon_nce", 2, 1), ("ms_unbilled_nce", 1, 0),
    ]  # fmt: skip


def test_a_variation_of_a_meter_with_a_rejected_record_is_explained_by_it(usage: tuple[Platform, Build]) -> None:
    where = "where billing_month = date '2024-09-01' order by all"
    grid = rows(
        usage[1],
        f"select right(meter_id, 1) as id, explanation, has_rejected_records from marts.usage_cost_reconciliation {where}",
    )
    assert [tuple(row.values()) for row in grid] == [("1", "rejected_records", True), ("2", None, False)]
    days = rows(
        usage[1], f"select day(usage_date), explanation, has_rejected_records from marts.usage_cost_variations {where}"
    )
    assert [tuple(row.values()) for row in days] == [
        (3, "rejected_records", True), (4, "missing_side", True), (4, None, False),
    ]  # fmt: skip
    summary = rows(usage[1], f"select explanation, has_rejected_records from marts.usage_cost_summary {where}")
    assert [tuple(row.values()) for row in summary] == [(None, True)]


def test_documents_are_paired_over_the_turn_of_the_year_and_months_later(tmp_path: Path) -> None:
    home = Home.at(tmp_path, einvoices_expected_from="2025-01")
    for case in ("m7_year_end", "late_svdp"):
        land_case("einvoices", case, home.landing)
    found = home.build("2024-12", "2025-01").rows(
        "select register_document_number as number, bucket from marts.einvoice_reconciliation order by all"
    )
    assert {row["number"]: row["bucket"] for row in found} == {
        "INV-24-990": "Suggested", "INV-A": "Exact", "INV-B": "Suggested", "R-1": "Exact",
    }  # fmt: skip
    assert {row["version"] for row in table_rows(home.platform.raw, "einvoices", "2025-08")} == {"1.0", "1.2"}
