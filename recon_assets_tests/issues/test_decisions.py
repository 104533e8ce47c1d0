"""The log of decisions: appended to, never changed, and of two people at once the second is told. SQLite and PostgreSQL."""

import datetime as dt
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.errors import InputError
from recon_assets.issues.decisions import AlreadyDecided, DecidedRow, DecisionStore, Wish, standing
from recon_assets_tests.issues.test_store import Time

ROW = DecidedRow("einvoices", "2025-03", "a" * 64, "Mismatch", Decimal("12.500000000001"), "MYR", "f" * 64,
                 {"register_document_number": "INV-1", "einvoice_uuid": None})  # fmt: skip
OTHER = replace(ROW, key="b" * 64)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DecisionStore:
    if request.param == "sqlite":
        return DecisionStore(f"sqlite:///{tmp_path / 'issues.db'}", Time())
    return DecisionStore(request.getfixturevalue("cluster").database(f"t{abs(hash(tmp_path))}"), Time())


def held(store: DecisionStore, row: DecidedRow = ROW) -> str | None:
    found = standing(store.history()).get((row.reconciliation, row.key))
    return found.verdict.action if found and found.verdict else None


def test_a_decision_keeps_the_row_as_it_was_to_the_last_digit(store: DecisionStore) -> None:
    (number,) = store.decide([Wish(ROW, "accept", " rounding agreed ")], "ana", "every month: true")
    (decision,) = store.history()
    assert (decision.row, decision.action, decision.reason, decision.by) == (ROW, "accept", "rounding agreed", "ana")
    assert (decision.decision_id, decision.at, decision.chosen_by) == (
        number, dt.datetime(2025, 4, 8, 9, 0, 1), "every month: true",
    )  # fmt: skip


def test_of_two_who_decide_at_once_the_second_is_told_what_the_first_decided(store: DecisionStore) -> None:
    store.decide([Wish(ROW, "accept", "rounding agreed")], "ana")
    with pytest.raises(AlreadyDecided, match="accept by ana at 2025-04-08 09:00 UTC: rounding agreed"):
        store.decide([Wish(OTHER, "ignore", "x"), Wish(ROW, "ignore", "not ours")], "ben")
    assert (held(store), held(store, OTHER)) == ("accept", None)  # all of it or nothing
    (seen,) = store.newest("einvoices", [ROW.key]).values()
    store.decide([Wish(ROW, "ignore", "not ours", seen=seen.decision_id)], "ben")
    assert held(store) == "ignore"


def test_of_many_at_the_same_moment_one_decides(store: DecisionStore) -> None:
    made: list[int] = []

    def decide(name: str) -> None:
        try:
            made.extend(store.decide([Wish(ROW, "ignore", name)], name))
        except AlreadyDecided:
            return

    threads = [threading.Thread(target=decide, args=(f"editor-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(store.history()) == 1


def test_nothing_is_ever_changed_and_clear_is_a_decision_too(store: DecisionStore) -> None:
    (first,) = store.decide([Wish(ROW, "pending", until=dt.date(2025, 5, 1))], "ana")
    (second,) = store.decide([Wish(ROW, "clear", "it came", seen=first)], "ben")
    assert held(store) is None and standing(store.history()) == {}
    assert [(d.action, d.until) for d in store.history(key=ROW.key)] == [
        ("pending", dt.date(2025, 5, 1)),
        ("clear", None),
    ]
    store.decide([Wish(ROW, "accept", "promised", seen=second)], "ana")
    assert held(store) == "accept"


def test_a_row_keeps_its_pair_beside_its_verdict_and_every_parting(store: DecisionStore) -> None:
    apart = [replace(ROW, documents={"register_document_number": "INV-1", "einvoice_uuid": f"U{n}"}) for n in range(3)]
    number = None
    for action, row in (
        ("unpair", apart[0]),
        ("unpair", apart[1]),
        ("pair", apart[2]),
        ("accept", ROW),
        ("pair", apart[0]),
    ):
        (number,) = store.decide([Wish(row, action, "so", other_key="c" * 64, seen=number)], "ana")  # type: ignore[arg-type]
    (found,) = standing(store.history()).values()
    assert found.verdict is not None and found.verdict.action == "accept"
    assert found.pair is not None and found.pair.row.documents == apart[0].documents  # the later pair, parted no more
    assert [d.row.documents for d in found.unpairs] == [apart[1].documents]


def test_what_needs_approval_waits_for_it(store: DecisionStore) -> None:
    (number,) = store.decide([Wish(ROW, "accept", "large", needs_approval=True)], "ana")
    (found,) = standing(store.history()).values()
    assert found.awaits_approval
    store.decide([Wish(ROW, "approve", seen=number)], "ben")
    (found,) = standing(store.history()).values()
    assert not found.awaits_approval and found.approved_by == "ben"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(ROW, "accept"), "needs a reason"),
        (Wish(ROW, "delete", "x"), "is no decision"),  # type: ignore[arg-type]
        (Wish(ROW, "pending", "x"), "until which it waits"),
        (Wish(ROW, "ignore", "x", until=dt.date(2025, 5, 1)), "until which it waits"),
        (Wish(ROW, "ignore", "x" * 1001), "longer than 1000"),
        (Wish(ROW, "ignore", "a\x00b"), "not plain text"),
    ],
)
def test_a_bad_decision_is_answered_with_a_sentence(store: DecisionStore, wish: Wish, said: str) -> None:
    with pytest.raises(InputError, match=said):
        store.decide([wish], "ana")
    assert store.history() == []


def test_a_row_is_decided_once_at_a_time(store: DecisionStore) -> None:
    with pytest.raises(InputError, match="decided twice"):
        store.decide([Wish(ROW, "ignore", "x"), Wish(ROW, "accept", "y")], "ana")
