"""Dates as people write them."""

import datetime as dt

import pyarrow as pa
import pytest

from recon_assets.sources.intake.dates import OrderEvidence, Split, to_iso, written


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-31", "2025/01/31", "2025/1/31", "2025.01.31", "20250131", "2025-01-31T16:00:00.123Z",
        "2025-01-31 00:00:00", "31-Jan-2025", "31 January 2025", "31-Jan-25", "31 Jan 2025 11:30 PM", "Jan 31, 2025",
        "January 31 2025", "Friday, 31 January 2025", "31st Jan 2025", "45688", "45688.75", "31JAN2025",
        "31 Januari 2025",
    ],
)  # fmt: skip
def test_a_date_with_one_reading_is_that_day(text: str) -> None:
    assert written(text) == dt.date(2025, 1, 31)


@pytest.mark.parametrize(
    ("word", "month"),
    [("Mac", 3), ("Mei", 5), ("Jun", 6), ("Julai", 7), ("Ogos", 8), ("Okt", 10), ("Dis", 12), ("Disember", 12)],
)
def test_months_have_malay_names_too(word: str, month: int) -> None:
    assert written(f"5 {word} 2025") == dt.date(2025, month, 5)


@pytest.mark.parametrize(
    "text",
    [
        "05/03/2025", "5/3/2025", "05-03-2025", "05.03.2025", "5/3/25", "05/03/2025 12:00:00 AM", "05/03/2025 16:30",
        "05/03/2025 16:30:15,123", "5/3/2025 4:30 PTG", "05 / 03 / 2025",
    ],
)  # fmt: skip
def test_two_numbers_before_a_year_are_open_whatever_clock_follows(text: str) -> None:
    assert written(text) == Split(5, 3, 2025)


@pytest.mark.parametrize(
    "text", ["", "Total", "INV-2503", "2025-13-01", "31 Foo 2025", "5/3", "123", "5/3-2025", "31/01/2025 25h"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert written(text) is None


def test_a_workbook_of_1904_counts_its_days_from_there() -> None:
    assert written("44226", date_1904=True) == dt.date(2025, 1, 31)


def decided(*texts: str, month: str = "2025-03", told: str | None = None, votes: bool = True) -> str | None:
    evidence = OrderEvidence()
    evidence.add(pa.array(texts), month, votes)
    found = evidence.decide(told)  # type: ignore[arg-type]
    return None if found is None else found[0]


def test_a_day_over_twelve_decides_against_the_month_and_the_setting() -> None:
    assert decided("03/04/2025", "03/05/2025", "13/06/2025") == "day_first"
    assert decided("04/03/2025", "06/13/2025", told="day_first") == "month_first"


def test_without_one_the_folders_month_decides_and_then_the_setting() -> None:
    assert decided("05/03/2025", "06/03/2025") == "day_first"
    assert decided("03/05/2025", "03/06/2025") == "month_first"
    assert decided("04/03/2025", "03/04/2025") is None
    assert decided("04/03/2025", "03/04/2025", told="month_first") == "month_first"


def test_a_tie_that_changes_no_date_needs_nobody() -> None:
    assert decided("04/04/2025") == "day_first"
    assert decided("2025-04-03") == "day_first"


def test_only_the_dating_column_votes_for_the_month() -> None:
    evidence = OrderEvidence()
    evidence.add(pa.array(["05/05/2024"]), "2024-05", votes=True)  # both readings are the 5th of May
    evidence.add(pa.array(["05/03/2024", "05/04/2024"]), "2024-05", votes=False)
    assert evidence.decide(None) is None


def test_a_text_that_the_order_does_not_explain_stays_to_be_rejected() -> None:
    assert to_iso(pa.array(["13/02/2025", "02/13/2025", "x", None]), "day_first").to_pylist() == [
        "2025-02-13", "02/13/2025 (day first)", "x", None,
    ]  # fmt: skip
