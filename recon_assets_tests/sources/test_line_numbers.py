"""Document numbers in the lines of consolidated e-invoices, as people write them."""

import pytest

from recon_assets.sources.line_numbers import MOST_NUMBERS, named_numbers
from recon_assets.sources.ubl import document_fields


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("R-1", ["R-1"]),
        ("Receipts r-1, R-2;R-3 & R-4", ["R-1", "R-2", "R-3", "R-4"]),
        ("C517799-C517801", ["C517799", "C517800", "C517801", "?C517799-C517801"]),
        ("INV-2025-0009-INV-2025-0010", ["INV-2025-0009", "INV-2025-0010", "?INV-2025-0009-INV-2025-0010"]),
        ("A09 to A11", ["A09", "A10", "A11"]),
        ("A09 \u2013 A10", ["A09", "A10"]),
        ("A-1 to B-2", ["A-1", "B-2"]),
        ("A2-A1", ["A2-A1"]),
        ("A8-A10", ["A8-A10"]),
        ("3 items RM100.00 on 2025-01-31", ["?3", "?RM100.00", "?2025-01-31"]),
        ("Sales of the day", []),
    ],
)
def test_lists_and_ranges_are_read(text: str, numbers: list[str]) -> None:
    assert (named_numbers([text]) or "").split("\n") == (numbers or [""])


def test_a_number_that_lines_repeat_is_one() -> None:
    assert named_numbers(["R-1", "R-2, R-1"]) == "R-1\nR-2"


def test_more_numbers_than_anybody_lists_are_none() -> None:
    assert named_numbers([f"A{0:06d} to A{MOST_NUMBERS - 2:06d}"]) is not None
    assert named_numbers([f"A{0:06d} to A{MOST_NUMBERS + 1:06d}"]) is None


@pytest.mark.parametrize(("tin", "numbers"), [("EI00000000010", "R-1"), ("C20830570210", None)])
def test_lines_are_read_of_documents_with_the_general_buyer_alone(tin: str, numbers: str | None) -> None:
    party = [{"Party": [{"PartyIdentification": [{"ID": [{"_": tin, "schemeID": "TIN"}]}]}]}]
    lines = [{"Item": [{"Description": [{"_": "R-1"}]}]}]
    found = document_fields({"Invoice": [{"AccountingCustomerParty": party, "InvoiceLine": lines}]})
    assert found["line_numbers"] == numbers
