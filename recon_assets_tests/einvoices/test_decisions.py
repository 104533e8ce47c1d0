"""What people decided, in the marts of the e-invoices: pairs made and parted, verdicts, and that clear takes all back."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from recon_assets.issues.decisions import DecidedRow, Wish, open_decisions
from recon_assets.pipeline.deciding import Choice, decide, published_rows
from recon_assets.pipeline.publish import publish_build
from recon_assets.pipeline.snapshot import take_snapshot
from recon_assets_tests.einvoices.built import Built, Home, document

MARTS = (
    "einvoice_reconciliation", "einvoice_field_differences", "einvoice_candidates", "reconciliation_summary",
    "reconciliation_waterfall", "month_status", "open_items",
)  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home.at(tmp_path_factory.mktemp("decided"), approval_above={"MYR": "50"})
    alone = [document(document_number=f"INV-{n}", buyer_tin="C777") for n in range(10, 16)]
    made.register(
        document(), document(document_number="INV-2"), document(document_number="INV-3", buyer_tin="C300"),
        document(document_number="INV-9", total_including_tax="1085.00"), *alone,
    )  # fmt: skip
    made.einvoices(
        document(), document(document_number="X-22", buyer_tin="C999"), document(document_number="INV-3"),
        document(document_number="INV-9"),
    )  # fmt: skip
    return made


def marts(built: Built) -> Rows:
    return {name: built.mart(name) for name in MARTS}


@pytest.fixture(scope="module")
def before(home: Home) -> Rows:
    built = home.build(run_id="before")
    built.build.save()
    assert [o for o in publish_build(built.build, home.platform.published, home.platform.raw, "before",
                                     home.platform.clock, "1GB") if not o.publication] == []  # fmt: skip
    return marts(built)


def keys(home: Home) -> dict[str, str]:
    """Key of each published row, by its document number."""
    return {
        row.row.documents["register_document_number"]
        or row.row.documents["einvoice_document_number"]
        or "": row.row.key
        for row in published_rows(home.platform, "einvoices")
    }


@pytest.fixture(scope="module")
def after(home: Home, before: Rows) -> Built:
    """Everything that can be decided, at once."""
    key, platform = keys(home), home.platform
    decide(
        platform,
        "einvoices",
        {key["INV-2"]: Choice("pair", "renumbered by the customer", other_key=key["X-22"])},
        "ana",
    )
    decide(platform, "einvoices", {key["INV-3"]: Choice("unpair", "another customer's")}, "ana")
    decide(platform, "einvoices", {key["INV-9"]: Choice("accept", "rounding agreed")}, "ana")
    decide(platform, "einvoices", {key["INV-10"]: Choice("ignore", "test document")}, "ana")  # 1080 is above 50
    decide(platform, "einvoices", {key["INV-10"]: Choice("approve")}, "ben")
    decide(platform, "einvoices", {key["INV-11"]: Choice("ignore", "test document")}, "ana")
    decide(platform, "einvoices", {key["INV-12"]: Choice("pending", "", dt.date(2025, 3, 2))}, "ana")
    decide(platform, "einvoices", {key["INV-13"]: Choice("pending", "", dt.date(2025, 3, 3))}, "ana")
    rows = {row.row.key: row.row for row in published_rows(platform, "einvoices")}
    was = DecidedRow(
        "einvoices", "2025-01", key["INV-14"], "Mismatch", Decimal(3), "MYR", "0" * 64, rows[key["INV-14"]].documents
    )
    open_decisions(platform.settings, platform.clock).decide([Wish(was, "accept", "when it was a pair")], "ana")
    gone = rows[key["INV-15"]].documents | {"einvoice_document_number": "gone", "einvoice_uuid": "gone"}
    void = DecidedRow("einvoices", "2025-01", key["INV-15"], None, None, None, "1" * 64, gone)
    open_decisions(platform.settings, platform.clock).decide(
        [Wish(void, "pair", "it was there", other_key="2" * 64)], "ana"
    )
    return home.build("2025-01", "2025-03", run_id="after")  # what is decided on 3 March leaves in March


def test_a_pair_that_a_person_made_is_judged_as_any_other(after: Built) -> None:
    row = after.one("register_document_number = 'INV-2'")
    assert (row["einvoice_document_number"], row["pass"], row["bucket"]) == ("X-22", "manual", "Mismatch")
    assert (row["decision"], row["decision_state"], row["is_open"]) == ("pair", "holds", True)
    assert after.failed_checks == []


def test_documents_that_a_person_parted_are_never_a_pair_again(after: Built) -> None:
    register, einvoice = (after.one(f"{side}_document_number = 'INV-3'") for side in ("register", "einvoice"))
    assert (register["bucket"], einvoice["bucket"]) == ("Missing in EInv", "Missing in Sales")
    assert (register["decision"], einvoice["decision"]) == ("unpair", None)
    obstacles = after.rows(
        "select obstacle from marts.einvoice_candidates where document_number = 'INV-3' order by side desc, candidate_rank"
    )
    assert [row["obstacle"] for row in obstacles][:1] == ["parted_by_hand"]


def test_candidates_say_what_a_person_decided_and_what_a_pair_would_give(after: Built) -> None:
    sql = """
        select candidate_document_number, obstacle, bucket_as_pair from marts.einvoice_candidates
        where document_number = 'INV-3' and side = 'einvoice'
    """
    found = {tuple(row.values()) for row in after.rows(sql)}
    assert {("INV-3", "parted_by_hand", "Suggested"), ("INV-2", "decided_elsewhere", "Suggested")} <= found


@pytest.mark.parametrize(
    ("number", "decision", "state", "is_open"),
    [
        ("INV-1", None, None, False),
        ("INV-9", "accept", "holds", False),
        ("INV-10", "ignore", "holds", False),
        ("INV-11", "ignore", "awaiting_approval", True),
        ("INV-12", "pending", "expired", True),
        ("INV-13", "pending", "holds", False),
        ("INV-14", "accept", "stale", True),
        ("INV-15", "pair", "void", True),
    ],
)
def test_a_row_is_open_until_a_decision_about_it_holds(
    after: Built, number: str, decision: str | None, state: str | None, is_open: bool
) -> None:
    row = after.one(f"register_document_number = '{number}'")
    assert (row["decision"], row["decision_state"], row["is_open"]) == (decision, state, is_open)


def test_a_stale_decision_says_what_the_row_was(after: Built) -> None:
    row = after.one("register_document_number = 'INV-14'")
    assert (row["decided_status"], row["decided_difference"], row["bucket"]) == (
        "Mismatch",
        Decimal(3),
        "Missing in EInv",
    )


def test_the_summary_and_the_waterfall_count_open_and_decided_rows(after: Built) -> None:
    counts = Counter({True: 0, False: 0})
    for row in after.mart("reconciliation_summary"):
        counts.update({True: row["open_row_count"], False: row["decided_row_count"]})
    assert counts == {True: 7, False: 3}
    steps = {row["step"]: (row["row_count"], row["amount"]) for row in after.mart("reconciliation_waterfall")}
    assert steps["accepted"] == (1, Decimal("-5.000"))
    assert (steps["ignored"], steps["pending"]) == ((1, Decimal("-1080.000")), (1, Decimal("-1080.000")))


def test_what_people_decide_leaves_the_open_items_of_the_month_in_which_they_do(after: Built) -> None:
    sql = "select month(billing_month) as month, step, sum(row_count) as n, sum(amount) as amount from marts.open_items group by all"
    found = {(row["month"], row["step"]): (row["n"], row["amount"]) for row in after.rows(sql)}
    one = Decimal("1080.00")
    assert found == {
        (1, "new"): (8, 8 * one), (1, "closing"): (8, 8 * one), (3, "opening"): (8, 8 * one),
        (3, "decided"): (1, one), (3, "written_off"): (1, one), (3, "closing"): (6, 6 * one),
    }  # fmt: skip


def test_a_decision_changes_no_row_that_it_does_not_name(before: Rows, after: Built) -> None:
    named = {"INV-2", "INV-3", "X-22", *(f"INV-{n}" for n in range(9, 16))}

    def others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        numbers = ("register_document_number", "einvoice_document_number")
        return [row for row in rows if not named & {row[name] for name in numbers}]

    assert others(after.mart()) == others(before["einvoice_reconciliation"]) != []


def test_a_snapshot_is_named_by_what_it_holds(home: Home, after: Built) -> None:
    settings = home.platform.settings
    assert take_snapshot(settings) == after.build.decisions == after.mart("month_status")[0]["decisions_snapshot"] != ""


def test_the_same_files_and_snapshot_give_the_same_marts(home: Home, after: Built) -> None:
    assert marts(home.build("2025-01", "2025-03", run_id="again")) == marts(after)


def test_clear_takes_everything_back(home: Home, before: Rows, after: Built) -> None:
    key = keys(home)
    newest = open_decisions(home.platform.settings).newest("einvoices", key.values())
    clear = {
        name: Choice("clear", "all was a mistake", after=decision.decision_id) for name, decision in newest.items()
    }
    decide(home.platform, "einvoices", clear, "ana")
    assert take_snapshot(home.platform.settings) == ""
    assert marts(home.build(run_id="cleared")) == before
