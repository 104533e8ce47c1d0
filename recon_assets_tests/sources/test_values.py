"""Texts as numbers and dates, by the tables of spec/sources.md and spec/warehouse.md, through the real reader."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets_tests.landed import Line, bss_line, land_bss, land_nce, nce_line, platform_in, table_rows

REJECTED = "rejected"

# Texts of a column whose decimal mark is the point, and their values.
NUMBERS: dict[str, str] = {
    "0": "0", "7": "7", "0032": "32", "-3.87": "-3.87", "+2.5": "2.5", ".5": "0.5", "5.": "5", " 7 ": "7",
    "0.00E+00": "0", "1E3": "1000", "1.5e-3": "0.0015", "-1.25E+2": "-125",
    "1.23": "1.23", "1,234.56": "1234.56", "1,234,567.8": "1234567.8", "1,234": "1234", "-12,345": "-12345",
    "1,234,567": "1234567", "1.234": "1.234", "1 234": "1234", "(5)": "-5", "5-": "-5", "RM 5.50": "5.5", "$5": "5",
    "5 CR": "-5", "1'234.50": "1234.5", "\u22125": "-5", "-": "0",
    "1234567890.123456789012": "1234567890.123456789012",
    "0.1234567890125": "0.123456789013", "-0.1234567890125": "-0.123456789013", "0.12345678901249": "0.123456789012",
    "999999999999.99": "999999999999.99", "-999999999999.999999": "-999999999999.999999",
    "1000000000000": REJECTED, "-1e12": REJECTED, "1e400": REJECTED, "999999999999.9999999": REJECTED,
    "1,23": REJECTED, "1.234,56": REJECTED, "1.234.567": REJECTED,
    "n/a": REJECTED, "NaN": REJECTED, "inf": REJECTED, "12 34": REJECTED, "(5": REJECTED,
    "5%": REJECTED, "1_000": REJECTED, "0x10": REJECTED, "--1": REJECTED, "12,3,4": REJECTED, "1.2.3": REJECTED,
    "1e": REJECTED, ".": REJECTED, "\u0661": REJECTED,
}  # fmt: skip

DATES = {
    "2025-01-31": dt.date(2025, 1, 31), "2024-02-29": dt.date(2024, 2, 29), " 2025-01-31 ": dt.date(2025, 1, 31),
    "2025-01-31T00:00:00": dt.date(2025, 1, 31), "2025-01-31T23:59:59Z": dt.date(2025, 1, 31),
    "2025-01-31 23:59": dt.date(2025, 1, 31), "2025-01-31T23:59:59.9999999Z": dt.date(2025, 1, 31),
    # the day is the one written, whatever the offset
    "2025-01-31T22:30:00-08:00": dt.date(2025, 1, 31), "2025-01-31T01:30:00+08:00": dt.date(2025, 1, 31),
    "2025-01-05T00:00Z": dt.date(2025, 1, 5), "2025-01-05T00:00:00z": dt.date(2025, 1, 5), "2025/01/31": dt.date(2025, 1, 31),
    "1/5/2025 11:59 PM": dt.date(2025, 1, 5), "1/5/2025 12:00:00 AM": dt.date(2025, 1, 5),
    "01/31/2025": dt.date(2025, 1, 31), "1/5/2025": dt.date(2025, 1, 5), "1/5/2025 0:00": dt.date(2025, 1, 5),
    "1/31/2025 23:59": dt.date(2025, 1, 31), "02/29/2024": dt.date(2024, 2, 29),
    # no date (5.7)
    "0001-01-01": None, "0001-01-01T00:00:00Z": None, "1/1/0001": None, "9999-12-31": None,
    "12/31/9999 23:59": None, "": None, "   ": None,
    "13/01/2025": REJECTED, "2025-02-30": REJECTED, "02/29/2023": REJECTED,
    "2025-13-01": REJECTED, "2025-1-5": dt.date(2025, 1, 5), "1/5/25": dt.date(2025, 1, 5), "2025-01-31T25:00Z": REJECTED,
    "45000": dt.date(2023, 3, 15), "01.02.2025": dt.date(2025, 1, 2), # most of the file's dates have the month first
    "soon": REJECTED, "Jan 5 2025": dt.date(2025, 1, 5), "5 Ogos 2025": dt.date(2025, 8, 5), "2025-01": REJECTED,
    "2025-01-31Z": REJECTED,
}  # fmt: skip


def read_column(home: Path, lines: list[Line], column: str, delimiter: str) -> list[object]:
    """The value of a declared BSS column per line, REJECTED where the line was quarantined for it."""
    platform = platform_in(home, quarantine_limit=1)
    land_bss(platform.settings.landing, "2025-01", lines, delimiter=delimiter)
    assert platform.load("bss_invoices", "2025-01").problems == []
    rows = table_rows(platform.raw, "bss_invoices", "2025-01")
    rejected = table_rows(platform.raw, "bss_invoices", "2025-01", "quarantine")
    values = {row["source_row"]: row[column] for row in rows} | {row["source_row"]: REJECTED for row in rejected}
    return [values[number] for number in range(1, len(lines) + 1)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_numbers_are_read_as_their_column_writes_them(delimiter: str, tmp_path: Path) -> None:
    lines = [bss_line(Total_Cost=text) for text in NUMBERS]
    read = dict(zip(NUMBERS, read_column(tmp_path, lines, "total_cost", delimiter), strict=True))
    assert read == {text: value if value == REJECTED else Decimal(value) for text, value in NUMBERS.items()}


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_column_of_decimal_commas_is_read_so_whatever_delimits_the_file(delimiter: str, tmp_path: Path) -> None:
    texts = {"1,23": "1.23", "1.234": "1234", "1.234,5": "1234.5", "-0,5": "-0.5", "7": "7"}
    lines = [bss_line(Total_Cost=text) for text in texts]
    assert read_column(tmp_path, lines, "total_cost", delimiter) == [Decimal(value) for value in texts.values()]


def test_numbers_that_nothing_decides_are_refused_with_both_readings(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-01", [bss_line(Unit_Cost="1.234"), bss_line(Unit_Cost="2.500")])
    (problem,) = platform.load("bss_invoices", "2025-01").problems
    assert "column 'Unit Cost': 1.234 is 1.234 or 1234" in problem and 'decimal_mark = "." or ","' in problem


def test_dates_are_the_day_that_is_written(tmp_path: Path) -> None:
    lines = [bss_line(Start_Date=text, End_Date="") for text in DATES]
    assert dict(zip(DATES, read_column(tmp_path, lines, "start_date", ","), strict=True)) == DATES


def test_an_end_date_in_the_last_minute_is_that_day(tmp_path: Path) -> None:
    lines = [bss_line(End_Date="1/31/2025 23:59"), bss_line(End_Date="2025-01-31T23:59:59Z")]
    assert read_column(tmp_path, lines, "end_date", ",") == [dt.date(2025, 1, 31)] * 2


def test_text_columns_keep_leading_zeros(tmp_path: Path) -> None:
    assert read_column(tmp_path, [bss_line(Account_ID="0032")], "account_id", ",") == ["0032"]


def test_a_value_that_no_rule_needs_becomes_null_with_a_warning(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-01", [bss_line(Final_Amount="n/a", Invoice_Due_Date="soon"), bss_line()])
    load = platform.load("bss_invoices", "2025-01")
    assert load.raw_month is not None
    assert load.raw_month.files[0].warnings == {"Final Amount": 1, "Invoice Due Date": 1}
    first, second = table_rows(platform.raw, "bss_invoices", "2025-01")
    assert (first["final_amount"], first["invoice_due_date"]) == (None, None)
    assert second["final_amount"] == Decimal(12)


def test_money_keeps_twelve_decimals_of_a_microsoft_line(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_nce(platform.settings.landing, "2025-01", [nce_line(Subtotal="86.129032258064", UnitPrice="2.7783558792924")])
    platform.load("ms_recon_nce", "2025-01")
    (row,) = table_rows(platform.raw, "ms_recon_nce", "2025-01")
    assert (row["subtotal"], row["unit_price"]) == (Decimal("86.129032258064"), Decimal("2.778355879292"))
