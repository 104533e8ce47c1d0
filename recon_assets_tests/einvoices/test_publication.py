"""From landing to what readers see: what a late document changes, and which months are final."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from recon_assets.lakehouse.raw import RawStore
from recon_assets.pipeline.build import Build
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import window_status
from recon_assets.pipeline.publish import publish_build, refusals
from recon_assets_tests.einvoices.built import Built, Home, document


def publish(home: Home, run_id: str, day: int) -> None:
    build = home.build(run_id=run_id).build
    now = dt.datetime(2025, 3, day, tzinfo=dt.UTC)
    outcomes = list(publish_build(build, home.platform.published, home.platform.raw, run_id, lambda: now))
    assert [outcome.reasons for outcome in outcomes] == [[]]


def published(home: Home, sql: str) -> list[dict[str, Any]]:
    with home.platform.published.connect(published_marts().values()) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_a_document_that_comes_a_month_late_is_published_as_a_change_from_missing_to_its_pair(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    late = document(document_number="INV-2", total_payable_amount="5")
    home.register(document(), late)
    home.einvoices(document())
    publish(home, "before", 4)
    (before,) = published(home, "from marts.einvoice_reconciliation where register_document_number = 'INV-2'")
    assert (before["bucket"], before["uuid"]) == ("Missing in EInv", None)
    assert published(home, "from marts.reconciliation_changes") == []  # a first publication changes nothing
    home.einvoices(late | {"document_date": "2025-02-20", "uuid": "LATE"}, month="2025-02")
    publish(home, "after", 5)
    (after,) = published(home, "from marts.einvoice_reconciliation where register_document_number = 'INV-2'")
    assert (after["bucket"], after["uuid"]) == ("Suggested", "LATE")
    (change,) = published(home, "from marts.reconciliation_changes")
    assert change["reconciliation_key"] == before["reconciliation_key"] == after["reconciliation_key"]
    found = {name: change[name] for name in ("change", "status_from", "status_to", "reconciliation", "run_id")}
    assert found == {"change": "changed", "status_from": "Missing in EInv", "status_to": "Suggested",
                     "reconciliation": "einvoices", "run_id": "after"}  # fmt: skip


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Registers from 2024-12 to 2025-05, of which one month has only purchases; e-invoices from 2025-01 to 2025-04."""
    home = Home.at(tmp_path_factory.mktemp("window"))
    for month in ("2024-12", "2025-01", "2025-02", "2025-04", "2025-05"):
        home.register(document(document_number=month, document_date=f"{month}-10"), month=month)
    home.register(document(document_number="2025-03", document_date="2025-03-10"), month="2025-03", kind="purchase")
    for month in ("2025-01", "2025-02", "2025-03"):
        home.einvoices(document(document_number=month, document_date=f"{month}-10"), month=month)
    home.einvoices(month="2025-04")  # a heading alone has landed
    return home.build("2024-12", "2025-01", "2025-02", "2025-03")


@pytest.mark.parametrize(
    ("month", "status"),
    [
        ("2024-12", "incomplete"),
        ("2025-01", "final"),  # what lies before the first register is absent for good
        ("2025-02", "final"),
        ("2025-03", "provisional"),
    ],
)
def test_a_month_is_final_when_its_whole_window_has_landed(months: Built, month: str, status: str) -> None:
    (row,) = months.rows(f"from marts.month_status where billing_month = date '{month}-01'")
    assert (row["reconciliation"], row["window_status"]) == ("einvoices", status)


@pytest.mark.parametrize(
    ("expected_from", "status"), [(None, "incomplete"), ("2025-02", "incomplete"), ("2025-01", "provisional")]
)
def test_a_month_without_e_invoices_waits_unless_they_may_come_later(expected_from: str | None, status: str) -> None:
    present = {"erp_sales_register": {"2025-01"}, "erp_purchase_register": set[str](), "einvoices": set[str]()}
    assert window_status("einvoices", "2025-01", present, None, expected_from) == status
    assert window_status("einvoices", "2025-03", present, None, expected_from) == "incomplete"  # nor has it a register


def test_a_month_that_waits_for_e_invoices_names_the_setting(tmp_path: Path) -> None:
    (text,) = refusals(Build("einvoices", ["2025-01"], tmp_path, [], []), "2025-01", "incomplete", RawStore(tmp_path))
    assert "RECON_EINVOICES_EXPECTED_FROM" in text
