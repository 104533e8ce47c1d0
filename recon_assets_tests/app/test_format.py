"""Numbers and statuses as readers see them."""

from decimal import Decimal

import pytest

from recon_assets.app.format import exactly, number, tone, words


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
