"""From landing to what readers see: what a late document changes, and which months are final."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.catalogue.marts import Mart
from recon_assets.lakehouse.published import MonthFiles, PublishedStore
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


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Built]:
    """A settled pair, and one whose buyers differ."""
    home = Home.at(tmp_path_factory.mktemp("pairs"))
    other = document(document_number="INV-2")
    home.register(document(), other)
    home.einvoices(document(), other | {"buyer_tin": "C300"})
    return home, home.build()


def test_fields_are_written_by_one_thread_beside_the_other_marts(
    pairs: tuple[Home, Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, built = pairs
    written: dict[str, tuple[int, duckdb.DuckDBPyConnection]] = {}
    write = PublishedStore.write_month

    def watched(
        store: PublishedStore, mart: Mart, month: str, subject: str, connection: duckdb.DuckDBPyConnection, *sqls: str
    ) -> MonthFiles:
        ((threads,),) = connection.execute("select current_setting('threads')").fetchall()
        written[mart.name] = (threads, connection)
        return write(store, mart, month, subject, connection, *sqls)

    monkeypatch.setattr(PublishedStore, "write_month", watched)
    list(publish_build(built.build, home.platform.published, home.platform.raw, "run", home.platform.clock))
    assert {threads for threads, _ in written.values()} == {1}
    _, of_fields = written.pop("einvoice_field_differences")
    assert of_fields not in {connection for _, connection in written.values()}
    fields = "select count(*) as fields, count(distinct field) as names from marts.einvoice_field_differences"
    assert published(home, fields) == [{"fields": 26, "names": 13}]


@pytest.mark.parametrize(
    "change",
    [
        "n_id = 1 where n_id = 0",  # of a settled pair, of which every field is shown as equal
        "n_id = 0 where n_id = 1",
        "max_difference_myr = 1 where n_id = 1",
        "are_equal = are_equal[:12], differences = differences[:12] where n_id = 1",
    ],
)
def test_a_pair_that_counts_what_its_fields_do_not_fails_their_check(
    pairs: tuple[Home, Built], tmp_path: Path, change: str
) -> None:
    database = pairs[1].build.database
    (check,) = database.parent.rglob("compiled/**/einvoices_pairs_have_every_field.sql")
    copy = tmp_path / database.name
    shutil.copyfile(database, copy)
    with duckdb.connect(str(copy)) as connection:
        assert connection.execute(check.read_text(encoding="utf-8")).fetchall() == []
        connection.execute(f"update intermediate.int_einvoices__shown set {change}")
        assert len(connection.execute(check.read_text(encoding="utf-8")).fetchall()) == 1
