"""Pairs over a month's end, documents that come late, ties, duplicates and statuses."""

import datetime as dt
from pathlib import Path

import pytest

from recon_assets_tests.einvoices.built import Built, Home, document


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = Home.at(tmp_path_factory.mktemp("months"))
    end = document(document_number="END", document_date="2025-01-31", total_payable_amount="11")
    late = document(document_number="LATE", total_payable_amount="12")
    tie = document(document_number="TIE", total_payable_amount="13")
    twice = document(document_number="TWICE", total_payable_amount="14")
    gone = document(document_number="GONE", total_payable_amount="15")
    large = dict.fromkeys(("total_excluding_tax", "total_including_tax", "total_payable_amount"), "10000.00")
    whole = {"buyer_tin": "EI00000000010", "total_tax_amount": "0"}
    limit = document(document_number="CR-1", document_date="2026-01-01", **large, **whole)
    below = document(document_number="CR-2", document_date="2026-01-01", **large, **whole) | {
        "total_excluding_tax": "9999.99",
        "total_including_tax": "9999.99",
    }
    before = document(document_number="CR-3", document_date="2025-12-31", **large, **whole)
    home.register(
        end, late, tie, tie | {"row_reference": "R900"}, twice, twice | {"row_reference": "R901"}, gone,
        document(document_number="NONE", total_payable_amount="16"),
        *(row | {"consolidated_einvoice_number": f"C-{n}"} for n, row in enumerate((limit, below, before), start=1)),
        document(document_number="CR-7", total_tax_amount="80.06"),
    )  # fmt: skip
    home.einvoices(
        tie | {"uuid": "B"}, tie | {"uuid": "A"}, twice, gone | {"status": "Cancelled"},
        document(document_number="ALONE", total_payable_amount="17"),
    )  # fmt: skip
    home.einvoices(
        *(whole | row | {"document_number": f"C-{n}", "document_date": day, "uuid": f"C{n}"}
          for n, (row, day) in enumerate(((limit, "2025-02-08"), (below, "2025-02-07"), (before, "2025-01-31")), start=1)),
        end | {"document_date": "2025-02-01", "uuid": "E"}, late | {"uuid": "L", "document_date": "2025-03-04"},
        late | {"uuid": "M", "document_date": "2025-03-03"}, month="2025-02",
    )  # fmt: skip
    return home.build("2025-01", "2025-02")


def test_a_pair_that_spans_a_month_end_belongs_to_the_month_of_its_register_document(built: Built) -> None:
    row = built.one("register_document_number = 'END'")
    assert (row["uuid"], row["bucket"], row["billing_month"]) == ("E", "Suggested", dt.date(2025, 1, 1))


def test_the_window_ends_31_days_after_the_month(built: Built) -> None:
    assert built.one("register_document_number = 'LATE'")["uuid"] == "M"
    left = built.one("einvoice_document_number = 'LATE' and register_document_number is null")
    assert (left["uuid"], left["reason"], left["duplicate_of"]) == ("L", "duplicate", "M")


def test_ties_are_flagged_and_resolved_by_row_reference_and_uuid(built: Built) -> None:
    rows = built.rows("select * from marts.einvoice_reconciliation where register_document_number = 'TIE'")
    assert {(r["register_row_reference"], r["uuid"]) for r in rows} == {("R003", "A"), ("R900", "B")}
    assert all(row["ambiguous"] and row["candidate_count"] == 3 for row in rows)


def test_a_surplus_row_names_the_one_that_was_paired(built: Built) -> None:
    row = built.one("register_row_reference = 'R901'")
    assert (row["bucket"], row["reason"], row["duplicate_of"]) == ("Missing in EInv", "duplicate", "R005")


def test_a_row_whose_only_einvoice_is_cancelled_says_so(built: Built) -> None:
    row = built.one("register_document_number = 'GONE'")
    assert (row["bucket"], row["reason"]) == ("Missing in EInv", "cancelled")


def test_missing_rows_are_open_through_31_days_and_then_overdue(built: Built) -> None:
    assert built.one("register_document_number = 'NONE'")["due_state"] == "open"  # as of March 3rd
    assert built.one("einvoice_document_number = 'ALONE'")["due_state"] == "open"


@pytest.mark.search  # as a publication in test_publication.py
def test_a_document_that_comes_late_turns_missing_into_its_pair_and_keeps_the_key(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.register(document(), document(document_number="INV-2", total_payable_amount="5"))
    home.einvoices(document())
    before = home.build(run_id="before", as_of=dt.date(2025, 3, 4)).one("register_document_number = 'INV-2'")
    assert (before["bucket"], before["due_state"]) == ("Missing in EInv", "overdue")
    late = document(document_number="INV-2", total_payable_amount="5", document_date="2025-02-20", uuid="LATE")
    home.einvoices(late, month="2025-02")
    after = home.build(run_id="after").one("register_document_number = 'INV-2'")
    assert (after["bucket"], after["uuid"]) == ("Suggested", "LATE")
    assert after["reconciliation_key"] == before["reconciliation_key"]


def test_rows_carry_flags_that_say_what_is_unusual_about_them(built: Built) -> None:
    found = {row["number"]: row["flags"] for row in built.rows(
        "select register_document_number as number, flags from marts.einvoice_reconciliation where register_document_number like 'CR-%'"
    )}  # fmt: skip
    assert found == {
        "CR-1": "consolidation_limit, issued_late",
        "CR-2": None,
        "CR-3": None,
        "CR-7": "number_gap, sum_mismatch",
    }


def test_a_hundred_documents_alike_are_paired_one_to_one(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.register(*(document() | {"row_reference": f"R{n:03d}"} for n in range(100)))
    home.einvoices(
        *(document() | {"uuid": f"U{n:03d}"} for n in range(99)), document(uuid="U999", total_tax_amount="79")
    )
    rows = home.build().mart()
    assert {(r["register_row_reference"], r["uuid"]) for r in rows if r["bucket"] == "Exact"} == {
        (f"R{n:03d}", f"U{n:03d}") for n in range(99)
    }
    assert [r["uuid"] for r in rows if r["bucket"] == "Suggested"] == ["U999"]
