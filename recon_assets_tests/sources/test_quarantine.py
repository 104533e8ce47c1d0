"""Rejected rows: each with file, row, column, value and reason, and no more of them than the limit allows."""

import json
from pathlib import Path
from typing import Any

import pytest

from recon_assets.catalogue.raw_tables import OWNER
from recon_assets.platform import Platform
from recon_assets_tests.landed import (
    Line,
    bss_line,
    delimited,
    land,
    land_bss,
    land_legacy,
    land_nce,
    legacy_line,
    load_all,
    nce_line,
    platform_in,
    table_rows,
)

NOT_A_DATE = "is not a date; expected YYYY-MM-DD, MM/DD/YYYY or M/D/YYYY H:MM"
NOT_A_NUMBER = "is not a number (or is a trillion or more)"
OWNERS = [column.name for column in OWNER]
EMPTY = "is empty, and is needed"


def rejected(platform: Platform, source: str, month: str = "2025-01") -> list[dict[str, Any]]:
    return table_rows(platform.raw, source, month, "quarantine")


@pytest.mark.parametrize(
    ("line", "column", "value", "reason"),
    [
        (bss_line(Invoice_Date="32/01/2023"), "Invoice Date", "32/01/2023", NOT_A_DATE),
        (bss_line(Invoice_Date=""), "Invoice Date", None, EMPTY),
        (bss_line(Currency="  "), "Currency", None, EMPTY),
        (bss_line(Start_Date="soon"), "Start Date", "soon", NOT_A_DATE),
        (bss_line(End_Date="2025-02-30"), "End Date", "2025-02-30", NOT_A_DATE),
        (bss_line(Qty="one"), "Qty", "one", NOT_A_NUMBER),
        (bss_line(Total_Cost="n/a"), "Total Cost", "n/a", NOT_A_NUMBER),
        (bss_line(Unit_Cost="1e13"), "Unit Cost", "1e13", NOT_A_NUMBER),
        (bss_line(Start_Date="2025-02-01", End_Date="2025-01-31"), "Start Date", "2025-02-01", "starts after it ends"),
        (bss_line(Total_Cost="", Unit_Cost=""), "Unit Cost", None,
         "has neither a total cost nor a quantity and unit cost to compute it from"),
        (bss_line(Total_Cost="", Qty="1000000", Unit_Cost="1000000"), "Unit Cost", "1000000",
         "quantity x unit cost is a trillion or more"),
        # the first bad column in the order of the file
        (bss_line(Total_Cost="n/a", End_Date="soon", Currency=""), "End Date", "soon", NOT_A_DATE),
    ],
)  # fmt: skip
def test_a_rejected_invoice_line_names_its_first_bad_column(
    line: Line, column: str, value: str | None, reason: str, platform: Platform, landing: Path
) -> None:
    file = land_bss(landing, "2025-01", [bss_line(), line, bss_line()])
    assert platform.load("bss_invoices", "2025-01").outcome == "loaded"
    (row,) = rejected(platform, "bss_invoices")
    assert json.loads(row.pop("raw_row"))["Invoice Code"] == "INV-1"
    assert row == {
        "source": "bss_invoices", "month": "2025-01", "source_file": file, "source_row": 2, "source_line": 3,
        "column_name": column,
        "value": value, "reason": reason, **dict.fromkeys(OWNERS), "subscription_id": "sub-1",
    }  # fmt: skip
    assert [kept["source_row"] for kept in table_rows(platform.raw, "bss_invoices", "2025-01")] == [1, 3]


def test_an_empty_subscription_is_told_from_a_record_that_cannot_be_read(platform: Platform, landing: Path) -> None:
    """The first is among the lines without a subscription, the second may be anybody's."""
    text = (
        delimited([bss_line(Currency="", MS_Subscription_ID=""), bss_line()], list(bss_line()))
        + b"INV-2,2025-01-11\r\n"
    )
    platform = platform_in(platform.settings.home, quarantine_limit=1)
    land(landing, "bss/invoices/2025-01/a.csv", text)
    platform.load("bss_invoices", "2025-01")
    assert [row["subscription_id"] for row in rejected(platform, "bss_invoices")] == ["", None]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (nce_line(Subtotal=""), "Subtotal"), (nce_line(Currency=""), "Currency"), (nce_line(TaxTotal="x"), "TaxTotal"),
        (nce_line(UnitPrice="x"), "UnitPrice"), (nce_line(Quantity="x"), "Quantity"),
        (nce_line(ChargeEndDate="2025-13-31"), "ChargeEndDate"),
        (nce_line(ChargeStartDate="2025-02-01"), "ChargeStartDate"),
    ],
)  # fmt: skip
def test_a_rejected_microsoft_line_names_its_column(line: Line, column: str, platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [line, nce_line()])
    land_legacy(landing, "2025-01", [legacy_line(Subtotal="free"), legacy_line()])
    load_all(platform)
    assert [row["column_name"] for row in rejected(platform, "ms_recon_nce")] == [column]
    assert [row["value"] for row in rejected(platform, "ms_recon_legacy")] == ["free"]


@pytest.mark.parametrize(
    "line",
    [
        nce_line(ChargeStartDate="", ChargeEndDate=""),
        nce_line(ChargeEndDate="9999-12-31"),
        nce_line(Quantity="", UnitPrice="", TaxTotal=""),
        nce_line(SubscriptionId=""),
    ],
)
def test_a_line_may_lack_what_is_not_needed(line: Line, platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [line])
    platform.load("ms_recon_nce", "2025-01")
    assert rejected(platform, "ms_recon_nce") == []


def test_the_raw_row_holds_the_whole_record_as_text(platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [nce_line(Subtotal="n/a", ProductName='say "hi"'), nce_line()])
    platform.load("ms_recon_nce", "2025-01")
    raw_row = json.loads(rejected(platform, "ms_recon_nce")[0]["raw_row"])
    assert raw_row == nce_line(Subtotal="n/a", ProductName='say "hi"')


@pytest.mark.parametrize(
    ("rows", "bad", "outcome"),
    [
        (1000, 1, "loaded"), (1000, 10, "loaded"), (1000, 11, "failed"),
        (6, 1, "loaded"), (6, 2, "failed"), (199, 2, "failed"),
    ],
)  # fmt: skip
def test_a_month_with_more_rejected_rows_than_the_limit_fails(
    rows: int, bad: int, outcome: str, platform: Platform, landing: Path
) -> None:
    amounts = ("n/a" if number < bad else "1" for number in range(rows))
    lines = [nce_line(Subtotal=amount, ProductName=f"{number}") for number, amount in enumerate(amounts)]
    land_nce(landing, "2025-01", lines[: rows // 2], "_1.csv")
    land_nce(landing, "2025-01", lines[rows // 2 :], "_2.csv")
    load = platform.load("ms_recon_nce", "2025-01")
    assert load.outcome == outcome
    if outcome == "loaded":
        assert load.raw_month is not None
        assert (load.raw_month.rows, load.raw_month.quarantined) == (rows - bad, bad)
        assert len(table_rows(platform.raw, "ms_recon_nce", "2025-01")) == rows - bad
    else:
        assert f"ms_recon_nce 2025-01: {bad} of {rows} rows were rejected" in load.problems[0]
        assert "_1.csv, row 2 (record 1), column 'Subtotal': 'n/a'" in load.problems[0]


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    platform = platform_in(tmp_path, quarantine_limit="0.5")
    land_nce(platform.settings.landing, "2025-01", [nce_line(Subtotal="n/a"), nce_line()] * 2)
    assert platform.load("ms_recon_nce", "2025-01").outcome == "loaded"


def test_a_file_of_which_every_record_is_rejected_fails_however_few_they_are(platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [nce_line()] * 300, "_good.csv")
    bad = land_nce(landing, "2025-01", [nce_line(Subtotal="n/a")], "_bad.csv")
    load = platform.load("ms_recon_nce", "2025-01")
    assert load.outcome == "failed" and f"every record of {bad} was rejected" in load.problems[0]


def test_what_is_empty_is_said_so_and_not_shown_as_a_value(platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [nce_line(Subtotal="")])
    (problem,) = platform.load("ms_recon_nce", "2025-01").problems
    assert problem.endswith("row 2 (record 1), column 'Subtotal': is empty, and is needed")
