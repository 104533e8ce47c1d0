"""Documents that find each other months later, through publications: one home, told in the order of its life."""

import datetime as dt
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recon_assets.defs.models import _report_unread
from recon_assets.lakehouse.log import Closing
from recon_assets.pipeline.build import run_build
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import landed_files, plan_loads
from recon_assets.pipeline.publish import publish_build
from recon_assets_tests.einvoices.built import AS_OF, EINVOICE, Built, Home, Line, document
from recon_assets_tests.wild.folders import land_case

DOCUMENTS = """
    select strftime(billing_month, '%Y-%m') as month, coalesce(register_document_number, einvoice_document_number) as number,
        bucket, pass, reason, paired_after_days
    from marts.einvoice_reconciliation where number in ('INV-A', 'INV-B') order by all
"""
A_PAIRED = ("2025-01", "INV-A", "Exact", "late", "disclosed_late", 207)
B_PAIRED = ("2025-01", "INV-B", "Suggested", "late", None, 67)
MISSING = [("2025-01", number, "Missing in EInv", None, None, None) for number in ("INV-A", "INV-B")]
HELD_BACK = [
    ("2025-03", "INV-B", "Missing in Sales", None, "paired_late", None),
    ("2025-08", "INV-A", "Missing in Sales", None, "paired_late", None),
]
Rows = list[tuple[Any, ...]]


class Life:
    """A home whose builds are published at instants of their own."""

    def __init__(self, home: Home) -> None:
        self.home, self.now, self.seen = home, dt.datetime(2025, 10, 1, tzinfo=dt.UTC), {}

    def publish(self, name: str, *months: str) -> list[str]:
        """Build and publish; the months that were."""
        self.now += dt.timedelta(days=1)
        build = self.home.build(*months, run_id=name, as_of=self.now.date()).build
        published = list(
            publish_build(build, self.home.platform.published, self.home.platform.raw, name, lambda: self.now)
        )
        assert [outcome.reasons for outcome in published if outcome.reasons] == []
        self.seen[name] = self.now
        return [outcome.month for outcome in published if outcome.publication]

    def rows(self, sql: str = DOCUMENTS, as_of: str | None = None) -> Rows:
        instant = self.seen[as_of] if as_of else None
        with self.home.platform.published.connect(published_marts().values(), as_of=instant) as connection:
            return connection.execute(sql).fetchall()

    def set_january(self, action: Any) -> None:
        """As `recon close` would if it were final, which a month without e-invoices never is."""
        self.now += dt.timedelta(minutes=1)
        published = self.home.platform.published
        seen = published.current()["2025-01", "einvoices"]
        published.record_closing(
            Closing("2025-01", "einvoices", action, self.now, "ana", "audited", seen.run_id, seen.published_at)
        )


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    home = Home.at(tmp_path_factory.mktemp("late"), einvoices_expected_from="2025-01")
    land_case("einvoices", "late_svdp", home.landing)
    later = [path for path in home.landing.glob("*/*/*") if path.name > "2025-03"]
    aside = {path: tmp_path_factory.mktemp("aside") / "files" for path in later}
    for path, kept in aside.items():
        shutil.move(path, kept)
    life = Life(home)
    assert life.publish("known first", "2025-01", "2025-03") == ["2025-01", "2025-03"]
    life.set_january("close")
    for path, kept in aside.items():
        shutil.move(kept, path)
    assert life.publish("january is closed", "2025-03", "2025-08") == ["2025-03", "2025-08"]
    life.set_january("reopen")
    assert life.publish("found", "2025-08") == ["2025-01", "2025-03", "2025-08"]
    life.set_january("close")
    assert life.publish("closed with its pairs", "2025-08") == ["2025-08"]
    disclose(life.home)
    assert life.publish("disclosed", "2025-08") == ["2025-02", "2025-03", "2025-08"]
    return life


def disclose(home: Home) -> None:
    """Consolidated e-invoices of the disclosure programme: SPREAD about rows of three months, which owes a ringgit, and
    HELD about one of January, which is closed, and one of March."""
    rows = {"2025-01": ["HELD"], "2025-02": ["SPREAD", "SPREAD"], "2025-03": ["SPREAD", "HELD"], "2025-08": ["SPREAD"]}
    for month, numbers in rows.items():
        lines = [sold(f"{number}-{month}-{n}", month, number) for n, number in enumerate(numbers)]
        home.register(*lines, month=month, name="disclosed.csv")
    issued = [
        document(document_number=name, buyer_tin="EI00000000010", document_date="2025-08-20", uuid=f"U{name}", version="1.3",
                 validated_at="2025-08-20T01:00:00Z", status="Valid", **totals(count, more))
        for name, count, more in (("SPREAD", 4, "1.00"), ("HELD", 2, "0.00"))
    ]  # fmt: skip
    home.land("einvoice/issued/2025-08", (*EINVOICE, "version"), issued, "disclosed.csv")


def totals(count: int, more: str = "0.00") -> Line:
    excluding, tax = Decimal(100 * count), Decimal(8 * count)
    payable = {"total_payable_amount": str(excluding + tax + Decimal(more))}
    return {
        "total_excluding_tax": str(excluding),
        "total_tax_amount": str(tax),
        "total_including_tax": str(excluding + tax),
    } | payable


def sold(number: str, month: str, consolidated: str) -> Line:
    own = {"document_number": number, "document_date": f"{month}-11", "row_reference": number}
    return document(**own, consolidated_einvoice_number=consolidated, **totals(1))


def test_a_month_without_any_e_invoice_is_published_provisionally_where_they_may_come_later(life: Life) -> None:
    sql = "select strftime(billing_month, '%Y-%m'), window_status from marts.month_status order by 1"
    assert life.rows(sql, "known first")[0] == ("2025-01", "provisional")
    assert life.rows(as_of="known first") == [*MISSING, ("2025-03", "INV-B", "Missing in Sales", None, None, None)]


def test_what_belongs_to_a_closed_month_stays_missing_in_its_own_and_says_so(life: Life) -> None:
    assert life.rows(as_of="january is closed") == [*MISSING, *HELD_BACK]


def test_a_build_that_makes_a_late_pair_publishes_the_months_of_both_documents(life: Life) -> None:
    assert life.rows(as_of="found") == [A_PAIRED, B_PAIRED]


def test_a_closed_month_keeps_the_pairs_that_it_was_closed_with(life: Life) -> None:
    assert life.rows() == [A_PAIRED, B_PAIRED]


def test_open_items_are_rolled_forward_from_month_to_month(life: Life) -> None:
    sql = """
        select month(billing_month), step, age_class, row_count, amount from marts.open_items order by billing_month, position
    """
    a, b = Decimal("1000.00"), Decimal("2000.00")
    assert life.rows(sql, "found") == [
        (1, "new", "0-30", 2, a + b), (1, "closing", "0-30", 2, a + b),
        (3, "opening", "31-60", 2, a + b), (3, "paired_late", "61-90", 1, b), (3, "closing", "61-90", 1, a),
        (8, "opening", "over 90", 1, a), (8, "paired_late", "over 90", 1, a),
    ]  # fmt: skip


def test_every_e_invoice_is_in_one_publication_at_any_time(life: Life) -> None:
    for moment in life.seen:
        # What months before have of a group is a part of the e-invoice, not the document.
        found = life.rows(
            "select uuid from marts.einvoice_reconciliation where einvoice_source_file is not null", moment
        )
        assert set(Counter(found).values()) == {1}
        assert {("UINVA",), ("UINVB",)} <= set(found) or moment == "known first"


def test_both_dates_of_a_disclosed_document_are_shown_as_equal(life: Life) -> None:
    sql = "select register_value, einvoice_value, equal from marts.einvoice_field_differences where field = 'document_date' and uuid in ('UINVA', 'UINVB') order by uuid"
    assert life.rows(sql) == [("2025-01-10", "2025-08-05", True), ("2025-01-12", "2025-03-20", False)]


def test_a_consolidated_group_goes_on_as_before(life: Life) -> None:
    sql = "select bucket, pass, row_count, reason from marts.einvoice_reconciliation where register_document_number = 'R-1'"
    assert life.rows(sql) == [("Exact", "consolidated", 2, None)]


def test_a_group_of_a_disclosed_e_invoice_has_a_row_in_each_month_and_its_difference_in_the_latest(life: Life) -> None:
    sql = """
        select month(billing_month), row_count, bucket, reason, register_total_payable_amount, einvoice_total_payable_amount,
            max_difference_myr, einvoice_source_file is null
        from marts.einvoice_reconciliation where uuid = 'USPREAD' order by 1
    """
    one = Decimal("108.00")
    assert life.rows(sql) == [
        (2, 2, "Exact", "disclosed_late", 2 * one, 2 * one, 0, True),
        (3, 1, "Exact", "disclosed_late", one, one, 0, True),
        (8, 1, "Suggested", "disclosed_late", one, one + 1, 1, False),
    ]
    fields = "select month(billing_month), difference from marts.einvoice_field_differences where uuid = 'USPREAD' and field = 'total_payable_amount' order by 1"
    assert life.rows(fields) == [(2, 0), (3, 0), (8, -1)]


def test_a_group_that_a_closed_month_stands_against_is_not_made(life: Life) -> None:
    sql = """
        select month(billing_month), bucket, reason from marts.einvoice_reconciliation
        where coalesce(register_document_number, einvoice_document_number) like 'HELD%' order by 1
    """
    assert life.rows(sql) == [(3, "Missing in EInv", None), (8, "Missing in Sales", "paired_late")]


def test_a_run_of_the_later_month_loads_all_that_has_landed_and_publishes_the_month_of_the_pair(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    land_case("einvoices", "late_svdp", home.landing)
    landed = landed_files(home.platform.landing, "einvoices")
    planned = plan_loads("einvoices", ["2025-08"], landed, home.platform)
    assert {(load.source, load.month) for load in planned} == {(s, m) for s, months in landed.items() for m in months}
    warned: list[str] = []
    context: Any = SimpleNamespace(log=SimpleNamespace(warning=warned.append))
    _report_unread(context, home.platform, "einvoices", ["2025-08"])
    assert "The build takes what is loaded" in warned[0] and "einvoices 2025-08" in warned[0]
    for load in planned:
        home.platform.load(load.source, load.month)
    _report_unread(context, home.platform, "einvoices", ["2025-08"])
    assert len(warned) == 1
    built = Built(run_build(home.platform.settings, "einvoices", ["2025-08"], "later", AS_OF, home.platform.published))
    assert built.build.months == ["2025-01", "2025-08"]
    assert built.one("uuid = 'UINVA'")["pass"] == "late"
