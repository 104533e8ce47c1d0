"""Numbers and statuses as readers see them."""

from decimal import Decimal

import pytest

from recon_assets.app import usage
from recon_assets.app.format import exactly, higher_or_lower, money, number, tone, words
from recon_assets.app.parts import footing


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Decimal("1234567.895"), 2, "1,234,567.90"),
        (Decimal("-0.005"), 2, "\N{MINUS SIGN}0.01"),
        (Decimal("0.004"), 2, "<0.01"),
        (Decimal("-0.004"), 2, "\N{MINUS SIGN}<0.01"),
        (Decimal("0.00"), 2, "0.00"),
        (Decimal("12345678901234567890.12"), 2, "12,345,678,901,234,567,890.12"),
        (None, 2, ""),
        (1200, 0, "1,200"),
    ],
)
def test_numbers_are_rounded_for_display_only_and_never_to_a_false_zero(value: Decimal, places: int, text: str) -> None:
    assert number(value, places) == text


def test_exact_numbers_keep_every_digit() -> None:
    assert exactly(Decimal("-1234.567800000000")) == "\N{MINUS SIGN}1,234.5678"
    assert exactly(Decimal("10.000000")) == "10.00"
    assert exactly(7) == "7"


def test_an_unknown_status_asks_for_attention_and_is_readable() -> None:
    assert tone("something_new") == "warn"
    assert words("something_new") == "Something new"


@pytest.mark.parametrize(
    ("currency", "text"), [("KWD", "12.505"), ("JPY", "13"), ("MYR", "12.51"), ("MYR/USD", "12.51"), (None, "12.51")]
)
def test_money_has_the_decimals_of_its_currency(currency: str | None, text: str) -> None:
    assert money(Decimal("12.505"), currency) == text


def test_a_difference_says_which_side_is_higher() -> None:
    assert higher_or_lower("Microsoft", Decimal("-0.002"), "KWD") == "Microsoft is lower by 0.002 KWD"
    assert higher_or_lower("Microsoft", Decimal(3), "JPY") == "Microsoft is higher by 3 JPY"
    assert higher_or_lower("Microsoft", Decimal(0), "MYR") == "no difference"
    assert higher_or_lower("Microsoft", None, "MYR/USD") == "not comparable"


def test_totals_foot_as_they_are_shown_and_what_cannot_be_compared_is_a_line_of_its_own() -> None:
    lines = [
        {"status": "matched", "left": "2000.004", "right": "2000.006", "variation": "0.002"},
        {"status": "mismatched", "left": "203.204", "right": "303.494", "variation": "100.29"},
        {"status": "not_comparable", "left": "188.30", "right": "0", "variation": None},
    ]
    rows = [
        {
            "status": line["status"], "currency": "USD", "row_count": 1, "sum_0": Decimal(line["left"] or 0),
            "sum_1": Decimal(line["right"] or 0), "sum_2": line["variation"] and Decimal(line["variation"]), "sum_3": Decimal(0),
        }
        for line in lines
    ]  # fmt: skip
    (shown,) = footing(usage.SUMMARY, rows)
    assert [(line["status"], line["sum_0"], line["sum_1"], line["sum_2"]) for line in shown] == [
        ("matched", Decimal("2000.00"), Decimal("2000.01"), Decimal("0.01")),
        ("mismatched", Decimal("203.20"), Decimal("303.49"), Decimal("100.29")),
        (None, Decimal("2203.20"), Decimal("2303.50"), Decimal("100.30")),
        ("not_comparable", Decimal("188.30"), Decimal("0.00"), None),
    ]
