"""The issue store: what is reported stays, changes are traced, and nobody overwrites anybody. SQLite and PostgreSQL."""

import datetime as dt
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.errors import InputError, ReconError
from recon_assets.issues.store import Conflict, Discrepancy, IssueStore

ABOUT = Discrepancy("subscriptions", "subscription_reconciliation", "a" * 64, "2025-03", "Subscription s1", "discrepancy",
                    Decimal("12.500000000001"), "MYR")  # fmt: skip


class Time:
    """A clock that moves a second with every look."""

    def __init__(self) -> None:
        self.now = dt.datetime(2025, 4, 8, 9, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=1)
        return self.now


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'issues.db'}"
    return request.getfixturevalue("cluster").database(f"t{abs(hash(tmp_path))}")


@pytest.fixture
def store(url: str) -> IssueStore:
    return IssueStore(url, Time())


def report(store: IssueStore, title: str = "Too much") -> int:
    return store.report(ABOUT, title, "Look at the unit cost", "ana", "ben")


def test_an_issue_keeps_the_discrepancy_as_it_was_to_the_last_digit(store: IssueStore) -> None:
    issue = store.get(report(store))
    assert issue.about == ABOUT
    assert (issue.title, issue.status, issue.assignee, issue.reporter) == ("Too much", "open", "ana", "ben")


def test_of_two_who_edit_the_same_version_the_second_is_told_and_nothing_is_lost(store: IssueStore) -> None:
    number = report(store)
    seen = store.get(number).version
    store.change(number, seen, "ana", status="resolved")
    with pytest.raises(Conflict, match="changed by somebody else"):
        store.change(number, seen, "ben", assignee="carl")
    assert (store.get(number).status, store.get(number).assignee) == ("resolved", "ana")


def test_many_editors_at_once_make_one_change_per_version(store: IssueStore) -> None:
    number, won = report(store), []

    def edit(name: str) -> None:
        try:
            store.change(number, 1, name, assignee=name)
            won.append(name)
        except Conflict:
            pass  # expected of all but one; the assertion below counts them

    threads = [threading.Thread(target=edit, args=(f"user{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and store.get(number).assignee == won[0]


def test_every_change_and_comment_is_in_the_history_with_who_and_when(store: IssueStore) -> None:
    number = report(store)
    store.change(number, 1, "ana", status="investigating", assignee="carl")
    store.comment(number, "carl", "I see it")
    history = [(e.who, e.field, e.value_from, e.value_to) for e in store.history(number)]
    assert history[0] == ("ben", "issue", None, "Too much")
    assert sorted(history[1:3]) == [("ana", "assignee", "ana", "carl"), ("ana", "status", "open", "investigating")]
    assert history[3] == ("carl", "comment", None, "I see it")


def test_issues_are_found_by_status_words_and_row(store: IssueStore) -> None:
    first, second = report(store, "100% of it"), report(store, "Other")
    store.change(second, 1, "ana", status="resolved")
    assert [i.issue_id for i in store.find(status=("open", "investigating"))[0]] == [first]
    assert [i.issue_id for i in store.find(text="100%")[0]] == [first]
    assert store.find(text="_")[1] == 0
    assert store.find(reconciliation_key="a" * 64, limit=1)[1] == 2
    assert store.open_counts() == {("2025-03", "subscriptions"): 1}


@pytest.mark.parametrize(
    ("changes", "said"), [({"status": "done"}, "is not a status"), ({"assignee": "x" * 101}, "at most 100")]
)
def test_bad_values_are_refused_with_a_sentence(store: IssueStore, changes: dict[str, str], said: str) -> None:
    number = report(store)
    with pytest.raises(InputError, match=said):
        store.change(number, 1, "ana", **changes)
    assert store.get(number).version == 1


def test_an_issue_needs_a_title_and_a_comment_needs_words(store: IssueStore) -> None:
    with pytest.raises(InputError, match="needs a title"):
        report(store, "  ")
    with pytest.raises(InputError, match="comment is empty"):
        store.comment(report(store), "ana", " ")
    with pytest.raises(InputError, match="no issue 999"):
        store.get(999)


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(ReconError) as caught:
        IssueStore("postgresql+psycopg://ana:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InputError, match="RECON_ISSUES_URL"):
        IssueStore("nonsense://x")


def test_many_rows_are_assigned_at_once_and_open_issues_change_hands(store: IssueStore) -> None:
    rows = [replace(ABOUT, reconciliation_key=letter * 64) for letter in "abc"]
    old = store.report(rows[0], "Late", "", "carl", "ana")
    closed = store.report(rows[1], "Done", "", "carl", "ana")
    store.change(closed, 1, "ana", status="resolved")
    assert store.assign(rows, "Look at it", "of March", "dora", "ana") == (1, 2)
    assert (store.get(old).assignee, store.get(old).title, store.get(closed).assignee) == ("dora", "Late", "carl")
    assert [(e.who, e.value_from, e.value_to) for e in store.history(old)][-1] == ("ana", "carl", "dora")
    found, count = store.find(None, assignee="dora")
    assert count == 3 and {issue.about.reconciliation_key[0] for issue in found} == set("abc")
    with pytest.raises(Conflict):
        store.change(old, 1, "eva", status="resolved")  # who looked at it before is told
    for assignee, title, some in (("", "x", rows), ("dora", "", rows), ("dora", "x", [])):
        with pytest.raises(InputError):
            store.assign(some, title, "", assignee, "ana")
    assert store.find(None)[1] == 4
