"""Every worked value of the specification, in one build; and what a bucket is made of."""

import csv
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.einvoices.built import Built, Home, Line, document, off_by

CASES = list(
    csv.DictReader(
        (Path(__file__).parents[1] / "cases" / "einvoice_buckets.csv").read_text(encoding="utf-8").splitlines()
    )
)
OTHER = {
    "supplier_tin": "C101", "buyer_tin": "C201", "document_date": "2025-01-16", "original_document_number": "OLD-2",
}  # fmt: skip


def sides(number: int, case: dict[str, str]) -> tuple[Line, Line]:
    """A document as both sides have it: amounts of its own, so that no other case comes near."""
    base = f"{1000 + 100 * number}.00"
    ours = document(
        document_number=f"CASE-{number}", original_document_number="OLD-1",
        **dict.fromkeys(("total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount"), base),
        total_discount_value="100.00", total_charge_amount="100.00",
    )  # fmt: skip
    theirs = dict(ours)
    for name in case["identifiers_that_differ"].split():
        theirs[name] = f"CASE/{number}" if name == "document_number" else OTHER[name]
    differences = dict(item.split("=") for item in case["amount_differences_myr"].split())
    return off_by(ours, differences), theirs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = Home.at(tmp_path_factory.mktemp("buckets"))
    both = [sides(number, case) for number, case in enumerate(CASES)]
    home.register(*({**ours, "row_reference": f"R{n}"} for n, (ours, _) in enumerate(both)))
    home.einvoices(*({**theirs, "uuid": f"U{n}"} for n, (_, theirs) in enumerate(both)))
    return home.build()


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_worked_value_holds(built: Built, number: int) -> None:
    case = CASES[number]
    row = built.one(f"register_row_reference = 'R{number}'")
    if row["uuid"] is None:  # two identifiers differ in what the passes look at: no pass pairs them
        assert case["n_id"] == "2" and row["bucket"] == "Missing in EInv"
        return
    assert row["uuid"] == f"U{number}"
    found = (row["bucket"], row["amount_band"], str(row["n_id"]), str(row["n_amt"]), f"{row['max_difference_myr']}")
    assert found == (case["bucket"], case["amount_band"], case["n_id"], case["n_amt"], case["max_difference_myr"])


def test_the_checks_of_the_build_pass(built: Built) -> None:
    assert built.failed_checks == []


def test_the_side_by_side_view_has_thirteen_rows_per_pair(built: Built) -> None:
    counts = built.rows("select count(*) n from marts.einvoice_field_differences group by reconciliation_key")
    assert {row["n"] for row in counts} == {13}


def rules(row: dict[str, Any]) -> list[str]:
    """The buckets of section 4 whose condition holds, each written without the ones before it."""
    n_id, n_amt, largest = row["n_id"], row["n_amt"], row["max_difference_myr"]
    if row["pass"] is None:
        return ["Missing"]
    if row["reason"] == "fx_missing":
        return ["Mismatch"]
    graded = n_id == 0 and n_amt >= 2
    conditions = {
        "Exact": n_id == 0 and n_amt == 0,
        "Mismatch": n_id >= 2 or (n_id == 1 and n_amt >= 1) or (n_id == 0 and n_amt > 0 and largest > 15),
        "Suggested": (n_id == 1 and n_amt == 0) or (n_id == 0 and n_amt == 1 and largest <= 15),
        "Low": graded and largest <= 1,
        "Medium": graded and 1 < largest <= 5,
        "High": graded and 5 < largest <= 15,
    }
    return [bucket for bucket, holds in conditions.items() if holds]


def test_exactly_one_bucket_holds_for_every_row(built: Built) -> None:
    for row in built.mart():
        (bucket,) = rules(row)
        assert row["bucket"].startswith(bucket)
