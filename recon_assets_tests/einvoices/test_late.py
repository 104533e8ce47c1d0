"""Documents that find each other months later, through publications: one home, told in the order of its life."""

import datetime as dt
import shutil
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from recon_assets.lakehouse.log import Closing
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.publish import publish_build
from recon_assets_tests.einvoices.built import Home
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
    return life


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
        found = life.rows("select uuid from marts.einvoice_reconciliation where uuid is not null", moment)
        assert set(Counter(found).values()) == {1}
        assert {("UINVA",), ("UINVB",)} <= set(found) or moment == "known first"


def test_both_dates_of_a_disclosed_document_are_shown_as_equal(life: Life) -> None:
    sql = "select register_value, einvoice_value, equal from marts.einvoice_field_differences where field = 'document_date' and uuid in ('UINVA', 'UINVB') order by uuid"
    assert life.rows(sql) == [("2025-01-10", "2025-08-05", True), ("2025-01-12", "2025-03-20", False)]


def test_a_consolidated_group_goes_on_as_before(life: Life) -> None:
    sql = "select bucket, pass, row_count, reason from marts.einvoice_reconciliation where register_document_number = 'R-1'"
    assert life.rows(sql) == [("Exact", "consolidated", 2, None)]
