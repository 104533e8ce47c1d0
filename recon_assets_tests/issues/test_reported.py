"""The published copy of the issue log: every issue with its row as it was reported and as it is published now."""

import datetime as dt
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from recon_assets.app import pages
from recon_assets.catalogue import SUBJECTS
from recon_assets.issues.store import Discrepancy, IssueStore
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import CHANGES, REPORTED, marts_of, published_marts
from recon_assets.pipeline.reported import MEASURES, publish_issues
from recon_assets_tests.app.published import einvoices, key, publish, subscriptions, usage
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.landed import as_dicts

MONTH = "2025-03"
SUBSCRIPTION = key("subscription", MONTH, "sub-9001")


def at(minute: int) -> dt.datetime:
    return dt.datetime(2025, 4, 8, 9, minute, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> IssueStore:
    return IssueStore(f"sqlite:///{tmp_path / 'issues.db'}", lambda: at(0))


@pytest.fixture
def published(tmp_path: Path, storage: AzureStorage | None) -> Iterator[PublishedStore]:
    """March of the subscriptions, with a discrepancy of 12.50."""
    root = tmp_path / "published"
    made = storage.published(root) if storage else PublishedStore(root)
    publish(made, "subscriptions", MONTH, at(0), subscriptions(MONTH))
    yield made


def report(store: IssueStore, row_key: str = SUBSCRIPTION, **changes: Any) -> int:
    about = {
        "reconciliation": "subscriptions", "mart": "subscription_reconciliation", "reconciliation_key": row_key,
        "month": MONTH, "subject": "sub-9001", "status": "discrepancy", "difference": Decimal("12.50"), "currency": "MYR",
    } | changes  # fmt: skip
    return store.report(Discrepancy(**about), "Too much", "Look at the unit cost", "ana", "ben")


def copy(store: IssueStore, published: PublishedStore, minute: int, run_id: str = "copy") -> int:
    return publish_issues(store, published, run_id, lambda: at(minute)).version.version


def reported(published: PublishedStore, as_of: dt.datetime | None = None) -> list[dict[str, Any]]:
    with published.connect(published_marts().values(), as_of) as reader:
        return as_dicts(reader.execute("from marts.reported_issues order by issue_id"))


def now(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["status_now"], row["difference_now"], row["currency_now"], row["is_gone"]


def test_a_copied_issue_has_its_fields_and_the_difference_then_and_now(
    store: IssueStore, published: PublishedStore
) -> None:
    report(store)
    publish(published, "subscriptions", MONTH, at(1), subscriptions(MONTH, "99.75"))
    copied = publish_issues(store, published, "copy", lambda: at(2))
    assert (copied.issues, copied.still_open, copied.gone) == (1, 1, 0)
    reported_at = at(0)
    assert reported(published) == [
        {
            "billing_month": dt.date(2025, 3, 1), "reconciliation": "subscriptions",
            "mart": "subscription_reconciliation", "reconciliation_key": SUBSCRIPTION, "subject": "sub-9001",
            "issue_id": 1, "title": "Too much", "description": "Look at the unit cost", "status": "open",
            "assignee": "ana", "reporter": "ben", "created_at": reported_at, "updated_at": reported_at,
            "status_then": "discrepancy", "difference_then": Decimal("12.50"), "currency": "MYR",
            "status_now": "discrepancy", "difference_now": Decimal("99.75"), "currency_now": "MYR", "is_gone": False,
            "published_at": at(2), "run_id": "copy",
        }
    ]  # fmt: skip


def test_an_issue_whose_discrepancy_has_gone_says_so_and_stays(store: IssueStore, published: PublishedStore) -> None:
    report(store)
    report(store, month="2025-02")  # the key is of March: in February nothing was published
    without = subscriptions(MONTH)
    kept = [row for row in without["subscription_reconciliation"] if row["reconciliation_key"] != SUBSCRIPTION]
    publish(published, "subscriptions", MONTH, at(1), without | {"subscription_reconciliation": kept})
    assert publish_issues(store, published, "copy", lambda: at(2)).gone == 2
    assert [now(row) for row in reported(published)] == [(None, None, None, True)] * 2
    assert [row["difference_then"] for row in reported(published)] == [Decimal("12.50")] * 2


def test_rows_of_every_mart_that_can_be_reported_are_found_again(store: IssueStore, published: PublishedStore) -> None:
    """Their statuses and differences have other names, and so has the currency of e-invoices."""
    rows = {"usage": usage(MONTH), "einvoices": einvoices(MONTH)}
    for subject, marts in rows.items():
        publish(published, subject, MONTH, at(1), marts)
    expected = [("discrepancy", Decimal("12.50"), "MYR", False), ("match", Decimal(20), "MYR", False)]
    report(store)
    report(store, key("margin", MONTH, "sub-0001"), mart="subscription_margin")
    for subject, marts in rows.items():
        for mart in MEASURES.keys() & marts.keys():
            status, difference = MEASURES[mart]
            row = next(row for row in marts[mart] if row[difference])
            report(store, row["reconciliation_key"], reconciliation=subject, mart=mart)
            currency = row["currency"] if subject == "usage" else "MYR"
            expected.append((row[status], row[difference], currency, False))
    copy(store, published, 2)
    assert len(expected) == len(MEASURES)
    assert [now(row) for row in reported(published)] == expected


def test_a_row_that_cannot_be_compared_any_more_is_not_gone(store: IssueStore, published: PublishedStore) -> None:
    report(store, key("subscription", MONTH, "sub-9003"))
    copy(store, published, 1)
    assert [now(row) for row in reported(published)] == [("not_comparable", None, "MYR/USD", False)]


@pytest.mark.folder_only
def test_the_copy_compares_the_columns_that_the_app_shows() -> None:
    """The bug this guards against: then and now of an issue are of different columns."""
    screens = [screen for screen in pages._SCREENS if screen.is_compared]
    tables = [table for screen in screens for table in screen.all_tables if table.judged is None]
    assert {table.mart: (table.status, table.difference) for table in tables} == MEASURES


def test_before_the_first_copy_there_are_no_issues_and_a_copy_of_none_is_empty(
    store: IssueStore, published: PublishedStore
) -> None:
    assert reported(published) == []
    copied = publish_issues(store, published, "copy", lambda: at(1))
    assert (copied.issues, copied.still_open, copied.gone) == (0, 0, 0)
    assert reported(published) == []


def test_a_copy_that_changes_nothing_publishes_nothing(store: IssueStore, published: PublishedStore) -> None:
    number = report(store)
    first = copy(store, published, 1, "first")
    assert copy(store, published, 2, "second") == first
    assert [row["run_id"] for row in reported(published)] == ["first"]
    store.change(number, 1, "ana", status="resolved")
    assert copy(store, published, 3, "third") == first + 1
    assert [(row["run_id"], row["status"]) for row in reported(published)] == [("third", "resolved")]


def test_an_earlier_moment_shows_the_issues_as_they_were_copied_then(
    store: IssueStore, published: PublishedStore
) -> None:
    number = report(store)
    copy(store, published, 1)
    store.change(number, 1, "ana", status="resolved")
    copy(store, published, 5)
    seen = {minute: [row["status"] for row in reported(published, at(minute))] for minute in (0, 1, 4, 5)}
    assert seen == {0: [], 1: ["open"], 4: ["open"], 5: ["resolved"]}


def test_a_clock_that_was_set_back_hides_no_copy(store: IssueStore, published: PublishedStore) -> None:
    number = report(store)
    copy(store, published, 5)
    store.change(number, 1, "ana", status="resolved")
    copy(store, published, 1)
    assert [row["status"] for row in reported(published, at(6))] == ["resolved"]


def test_a_copy_of_what_was_read_earlier_never_replaces_a_later_one(
    store: IssueStore, published: PublishedStore, tmp_path: Path
) -> None:
    """The second copy begins and ends while the first has read its issues and not yet written them."""
    report(store)
    rows = IssueStore.find
    interrupted = threading.Event()

    class Slow(IssueStore):
        def find(self, *args: Any, **kwargs: Any) -> Any:
            found = rows(self, *args, **kwargs)
            if not interrupted.is_set():
                interrupted.set()
                report(store)
                copy(store, published, 2, "quick")
            return found

    slow = Slow(f"sqlite:///{tmp_path / 'issues.db'}", lambda: at(0))
    copy(slow, published, 3, "slow")
    assert [row["issue_id"] for row in reported(published)] == [1, 2]


def test_a_reader_keeps_the_copy_that_it_opened(store: IssueStore, published: PublishedStore) -> None:
    report(store)
    copy(store, published, 1)
    with published.connect([REPORTED]) as reader:
        report(store)
        copy(store, published, 2)
        assert reader.execute("select count(*) from marts.reported_issues").fetchone() == (1,)
    assert len(reported(published)) == 2


@pytest.mark.folder_only
def test_the_copy_is_a_delta_table_with_the_columns_of_the_mart(store: IssueStore, published: PublishedStore) -> None:
    report(store)
    copy(store, published, 1)
    table = DeltaTable(str(published.root / "reported_issues")).to_pyarrow_table()
    assert table.column_names == [column.name for column in REPORTED.columns]
    assert str(table.schema.field("difference_now").type) == "decimal128(38, 12)"


@pytest.mark.folder_only
def test_no_publication_of_a_month_writes_the_issues() -> None:
    for subject in SUBJECTS:
        assert not {CHANGES.name, REPORTED.name} & {mart.name for mart in marts_of(subject)}
