"""Registers like those of the cases, with other details: each kind of detail once, as text (workbooks hold the same)."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets_tests.landed import land, platform_in, table_rows

SOURCE, MONTH = "erp_sales_register", "2025-03"
HEADING = ["Supplier TIN", "Buyer TIN", "Document No", "Date", "Total Excl. Tax", "Tax", "Total Incl. Tax"]
DOCUMENTS = {
    "INV-1": (dt.date(2025, 3, 5), "1234.50", "98.76"), "INV-2": (dt.date(2025, 3, 13), "10200.00", "816.00"),
    "CN-1": (dt.date(2025, 3, 21), "-500.00", "-40.00"), "INV-3": (dt.date(2025, 3, 31), "999.99", "80.00"),
}  # fmt: skip
RIGHT = sorted((n, day, Decimal(low), Decimal(low) + Decimal(tax)) for n, (day, low, tax) in DOCUMENTS.items())


def rows(
    amount: Callable[[Decimal], str] = "{:.2f}".format, day: Callable[[dt.date], str] = dt.date.isoformat
) -> list[list[str]]:
    found = []
    for number, (date, low, tax) in DOCUMENTS.items():
        amounts = (Decimal(low), Decimal(tax), Decimal(low) + Decimal(tax))
        found.append(["C1", "C2", number, day(date), *map(amount, amounts)])
    return found


def total(label: str, first: int, last: int, at: int = 0) -> list[str]:
    """A totals row over some of the documents, its label in one of the first columns."""
    cells = [Decimal(0)] * 3
    for _, low, tax in list(DOCUMENTS.values())[first:last]:
        cells = [
            have + more
            for have, more in zip(cells, (Decimal(low), Decimal(tax), Decimal(low) + Decimal(tax)), strict=True)
        ]
    return [*[label if n == at else "" for n in range(4)], *(f"{cell:.2f}" for cell in cells)]


def german(value: Decimal) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


ROWS = rows()
PAGE = [["CONTOH SDN BHD"], ["Sales listing"], HEADING]
TWO_ROWS = [
    ["Parties", "", "Document", "", "Amounts (MYR)", "", ""],
    ["Supplier TIN", "Buyer TIN", "Document No", "Date", "Excluding Tax", "Tax", "Including Tax"],
]
CHINESE = ["卖方税号", "客户税号", "发票号码", "日期", "税前金额", "税额", "总额"]
TABLES: dict[str, list[list[str]]] = {
    "pages_with_titles": [*PAGE, *ROWS[:2], ["Page 1 of 2"], *PAGE, *ROWS[2:], ["Page 2 of 2"]],
    "carried_and_brought_forward": [
        HEADING, *ROWS[:2], total("Carried forward", 0, 2), total("Brought forward", 0, 2), *ROWS[2:], total("Total", 0, 4),
    ],
    "totals_of_groups_in_groups": [
        HEADING, ROWS[0], total("Total for day", 0, 1), ROWS[1], total("Total for day", 1, 2), total("Total for branch", 0, 2),
        *ROWS[2:], total("Total for branch", 2, 4), total("Report total", 0, 4),
    ],
    "label_in_the_column_of_dates": [HEADING, *ROWS, total("TOTAL :", 0, 4, at=3)],
    "german_totals": [
        HEADING, *ROWS[:2], total("Zwischensumme", 0, 2), *ROWS[2:], total("Zwischensumme", 2, 4), total("Summe", 0, 4),
    ],
    "footers": [HEADING, *ROWS, ["4 record(s)"], ["This is a computer generated report"], ["*** End of Report ***"]],
    "other_words": [["Company Tax ID", "Customer Tax ID", "Bill No", "Posting Date", "Untaxed Amount", "GST/SST", "Gross"], *ROWS],
    "words_in_another_order": [
        ["TIN of Supplier", "Cust. TIN", "InvoiceNo", "Date", "Amt Exclusive of Tax", "Tax", "Tax Inclusive Amount"], *ROWS,
    ],
    "totals_behind_amounts": [
        [*HEADING[4:], *HEADING[:4]], *(row[4:] + row[:4] for row in (*ROWS[:2], total("Subtotal", 0, 2), *ROWS[2:])),
        [*total("", 2, 4)[4:], "", "Sub Total :"], [*total("", 0, 4)[4:], "Grand Total"],
    ],
    "units_and_line_breaks": [[*HEADING[:4], "Total\nExcl. Tax\n(RM)", "Tax (RM)", "Total Incl. Tax (MYR)"], *ROWS],
    "chinese": [CHINESE, *ROWS, total("合计", 0, 4)],
    "two_rows_of_headings": [*TWO_ROWS, *ROWS],
    "two_rows_of_headings_on_every_page": [*TWO_ROWS, *ROWS[:2], *TWO_ROWS, *ROWS[2:]],
    "blank_columns": [["", *HEADING, ""], *[["", *row, ""] for row in ROWS]],
    "decimal_commas": [HEADING, *rows(german)],
    "apostrophes": [HEADING, *rows(lambda value: f"{value:,.2f}".replace(",", "'"))],
    "minus_behind": [HEADING, *rows(lambda value: f"{abs(value):,.2f}" + "-" * (value < 0))],
    "minus_behind_the_currency": [HEADING, *rows(lambda value: f"{abs(value):,.2f} MYR" + "-" * (value < 0))],
    "credit_and_debit": [HEADING, *rows(lambda value: f"{abs(value):,.2f} {'CR' if value < 0 else 'DR'}")],
    "years_of_the_buddha": [HEADING, *rows(day=lambda day: f"{day:%d/%m}/{day.year + 543}")],
    "chinese_days": [HEADING, *rows(day=lambda day: f"{day.year}年{day.month}月{day.day}日")],
    "traditional_chinese": [["賣方稅號", "客戶稅號", "發票號碼", "發票日期", "稅前金額", "稅額", "總額"], *ROWS],
    "month_first": [HEADING, *rows(day=lambda day: f"{day:%m/%d/%y}")],
    "malay_months": [HEADING, *rows(day=lambda day: f"{day.day}hb Mac {day.year}")],
    "days_of_excel": [HEADING, *rows(day=lambda day: str((day - dt.date(1899, 12, 30)).days))],
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("delimiter", [",", "|"])
def test_a_register_with_other_details_gives_its_documents(tmp_path: Path, name: str, delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(TABLES[name])
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/a.csv", out.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.quarantined == 0, load.problems
    found = table_rows(platform.raw, SOURCE, MONTH)
    assert (
        sorted(
            (r["document_number"], r["document_date"], r["total_excluding_tax"], r["total_including_tax"])
            for r in found
        )
        == RIGHT
    )


def test_what_is_missing_is_said_of_the_heading_without_the_title_above_it(tmp_path: Path) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["CONTOH SDN BHD"], [*HEADING[:-1], "Whatever"], *ROWS])
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/a.csv", out.getvalue())
    (problem,) = platform.load(SOURCE, MONTH).problems
    assert "Best is row 2: bound Supplier TIN = supplier_tin" in problem


def test_a_total_that_disagrees_names_the_records_that_were_rejected(tmp_path: Path) -> None:
    out = io.StringIO(newline="")
    unread = [*ROWS[0][:4], "about 1200", *ROWS[0][5:]]
    csv.writer(out).writerows([HEADING, unread, *ROWS[1:], total("Total", 0, 4)])
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/a.csv", out.getvalue())
    (problem,) = [text for text in platform.load(SOURCE, MONTH).problems if "Total Excl. Tax" in text]
    assert "is 11934.49, its rows add up to 10699.99 without what could not be read of 1 rejected records" in problem


def test_the_same_list_in_two_formats_is_one(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    for name, table in (
        ("a.csv", [HEADING, *ROWS]),
        ("b.csv", [HEADING, *rows(german, lambda day: f"{day:%d.%m.%Y}")[::-1]]),
    ):
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=";").writerows(table)
        land(platform.settings.landing, f"erp/sales_register/{MONTH}/{name}", out.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.rows == len(DOCUMENTS)
    assert [file.set_aside for file in load.raw_month.files] == [None, f"repeats erp/sales_register/{MONTH}/a.csv"]


def test_an_older_form_of_a_list_is_set_aside_for_the_one_with_more_columns(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    newer = [[*HEADING, "Customer Name"], *([*row, "Contoso"] for row in ROWS)]
    for name, table in (("a.csv", [HEADING, *ROWS]), ("b.csv", newer)):
        out = io.StringIO(newline="")
        csv.writer(out).writerows(table)
        land(platform.settings.landing, f"erp/sales_register/{MONTH}/{name}", out.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.rows == len(DOCUMENTS)
    assert [file.set_aside for file in load.raw_month.files] == [f"repeats erp/sales_register/{MONTH}/b.csv", None]


def test_two_lists_that_share_some_documents_are_loaded_and_told(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    first = [["C1", "C2", f"INV-{n}", "2025-03-09", "1.00", "0.00", "1.00"] for n in range(5)]
    second = first[:2] + [["C1", "C2", f"INV-{n}", "2025-03-10", "2.00", "0.00", "2.00"] for n in range(10, 13)]
    for name, documents in (("a.csv", first), ("b.csv", second)):
        out = io.StringIO(newline="")
        csv.writer(out).writerows([HEADING, *documents])
        land(platform.settings.landing, f"erp/sales_register/{MONTH}/{name}", out.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.rows == 10
    told = {file.path.rpartition("/")[2]: file.warned for file in load.raw_month.files}
    (warning,) = [text for text in told["b.csv"] if text.startswith("shared_records")]
    assert f"2 (2 with erp/sales_register/{MONTH}/a.csv)" in warning
    assert not [text for text in told["a.csv"] if text.startswith("shared_records")]


def test_dates_of_the_other_order_are_rejected_and_not_turned(tmp_path: Path) -> None:
    """One row of a list with the month first is written the other way round."""
    table = [
        HEADING,
        *rows(day=lambda day: f"{day:%m/%d/%Y}"),
        ["C1", "C2", "INV-9", "14/03/2025", "1.00", "0.00", "1.00"],
    ]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/a.csv", out.getvalue())
    platform.load(SOURCE, MONTH)
    (row,) = table_rows(platform.raw, SOURCE, MONTH, "quarantine")
    assert (row["value"], row["source_line"]) == ("14/03/2025 (month first)", 6)
