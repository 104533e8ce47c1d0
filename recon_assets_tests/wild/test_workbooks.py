"""Workbooks as programs write them: sales registers of January 2025, each a file of its own."""

import io
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from recon_assets.sources.loading import Load
from recon_assets_tests.landed import land, platform_in, table_rows

FOLDER = Path(__file__).parent / "workbooks"
SOURCE, MONTH = "erp_sales_register", "2025-01"


def load(home: Path, name: str) -> Load:
    folder = home / "landing" / "erp" / "sales_register" / MONTH
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / name, folder / name)
    return platform_in(home, quarantine_limit=1).load(SOURCE, MONTH)


def numbers_and_days(home: Path) -> list[tuple[Any, ...]]:
    rows = table_rows(platform_in(home).raw, SOURCE, MONTH)
    return sorted((row["document_number"], f"{row['document_date']}") for row in rows)


ONE, TWO = ("INV-1", "2025-01-31"), ("INV-2", "2025-01-31")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("reg_title.xlsx", [ONE]),
        ("reg_merged_header.xlsx", [ONE]),
        ("reg_strict.xlsx", [ONE, ("INV-2", "2025-01-03")]),
        ("reg_total_row.xlsx", [ONE, TWO]),
        ("reg_two_sheets.xlsx", [ONE, ("INV-9", "2025-01-31")]),
        ("reg_hidden_first.xlsx", [ONE]),
        ("reg_zero_padded_number.xlsx", [("00012", "2025-01-31"), ("00013", "2025-01-31")]),
        ("reg_1904_general_serial.xlsx", [ONE, ("INV-2", "2025-01-03")]),
    ],
)
def test_a_workbook_gives_its_documents(tmp_path: Path, name: str, found: list[tuple[str, str]]) -> None:
    loaded = load(tmp_path, name)
    assert loaded.outcome == "loaded", loaded.problems
    assert numbers_and_days(tmp_path) == found


def test_every_sheet_is_named_and_so_is_the_hidden_one(tmp_path: Path) -> None:
    load(tmp_path / "a", "reg_two_sheets.xlsx")
    sheets = {row["source_file"] for row in table_rows(platform_in(tmp_path / "a").raw, SOURCE, MONTH)}
    folder = f"erp/sales_register/{MONTH}"
    assert sheets == {f"{folder}/reg_two_sheets.xlsx#Register", f"{folder}/reg_two_sheets.xlsx#Feb branch"}
    loaded = load(tmp_path / "b", "reg_hidden_first.xlsx")
    assert loaded.raw_month is not None
    (file,) = loaded.raw_month.files
    assert [(table.name, table.set_aside) for table in file.tables] == [
        ("#Register", None), ("#Old", "not read: the sheet is hidden"),
    ]  # fmt: skip


def test_a_total_row_is_a_control_total(tmp_path: Path) -> None:
    loaded = load(tmp_path, "reg_total_row.xlsx")
    assert loaded.raw_month is not None
    (table,) = loaded.raw_month.files[0].tables
    assert table.ignored == {"subtotal": 1}
    assert {t["column"]: (t["said"], t["summed"]) for t in table.control_totals}["Total Incl. Tax"] == (
        "212.00",
        "212.00",
    )


@pytest.mark.parametrize(
    ("name", "rejected"),
    [
        ("reg_error_discount.xlsx", [("Discount", "#N/A", 2), ("Discount", "#REF!", 3)]),
        ("reg_error_required.xlsx", [("Total Tax", "#N/A", 2)]),
    ],
)
def test_an_error_in_an_amount_rejects_its_row_with_that_value(
    tmp_path: Path, name: str, rejected: list[tuple[str, str, int]]
) -> None:
    load(tmp_path, name)
    files = platform_in(tmp_path).raw.rejected_files(SOURCE, MONTH)
    found = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert [(row["column_name"], row["value"], row["source_line"]) for row in found] == rejected


@pytest.mark.parametrize("name", ["reg_formula_no_cache.xlsx", "reg_formula_xlsxwriter.xlsx"])
def test_a_workbook_that_was_never_calculated_is_refused(tmp_path: Path, name: str) -> None:
    refused = load(tmp_path, name)
    assert refused.outcome == "failed" and "open it in a spreadsheet program and save it" in refused.problems[0]


HEADING = ["Supplier TIN", "Invoice No", "Invoice Date", "Customer TIN", "Subtotal", "SST", "Total", "Item"]
ITEMS: list[list[Any]] = [
    ["C1", "INV-1", "2025-01-05", "C2", 100, 6, 106, "a"], [None, None, None, None, 200, 12, 212, "b"],
    ["C1", "INV-2", "2025-01-15", "C2", 10, 0.6, 10.6, "c"],
]  # fmt: skip


def merged(home: Path, rows: list[list[Any]], *cells: str, profile: str = "") -> Load:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [HEADING, *rows]:
        sheet.append(row)
    for place in cells:
        sheet.merge_cells(place)
    content = io.BytesIO()
    book.save(content)
    landing = home / "landing"
    land(landing, f"erp/sales_register/{MONTH}/list.xlsx", content.getvalue())
    if profile:
        land(landing, "profiles/told.toml", f'match = ["erp/sales_register/{MONTH}/list.xlsx"]\n{profile}')
    return platform_in(home, quarantine_limit=1).load(SOURCE, MONTH)


def test_merged_cells_stand_for_each_of_their_rows(tmp_path: Path) -> None:
    names = [f"{column}2:{column}3" for column in "ABCD"]
    (problem,) = merged(tmp_path / "a", ITEMS, *names).problems
    assert "1 of 2 documents stand on several rows with other amounts, such as INV-1" in problem
    assert problem.endswith(f'match = ["erp/sales_register/{MONTH}/list.xlsx"] and level = "line"')  # without the sheet
    assert merged(tmp_path / "b", ITEMS, *names, profile='level = "line"').outcome == "loaded"
    rows = table_rows(platform_in(tmp_path / "b").raw, SOURCE, MONTH)
    assert [(r["document_number"], r["total_including_tax"]) for r in rows] == [
        ("INV-1", Decimal(318)), ("INV-2", Decimal("10.6")),
    ]  # fmt: skip


def test_merged_amounts_are_those_of_one_record_or_of_none(tmp_path: Path) -> None:
    """Merged with their number they are the document's once; merged over two documents they are nobody's."""
    one = [ITEMS[0], [None] * 7 + ["b"], ITEMS[2]]
    loaded = merged(tmp_path / "a", one, *[f"{column}2:{column}3" for column in "ABCDEFG"])
    assert loaded.raw_month is not None and (loaded.raw_month.rows, loaded.raw_month.quarantined) == (2, 1)
    (again,) = table_rows(platform_in(tmp_path / "a").raw, SOURCE, MONTH, "quarantine")
    assert (again["source_line"], again["reason"]) == (3, "repeats an earlier row of the file")
    two = [ITEMS[0], ["C1", "INV-3", "2025-01-06", "C2", 100, 6, None, "b"], ITEMS[2]]
    loaded = merged(tmp_path / "b", two, "G2:G3")
    assert loaded.raw_month is not None and (loaded.raw_month.rows, loaded.raw_month.quarantined) == (2, 1)
    (rejected,) = table_rows(platform_in(tmp_path / "b").raw, SOURCE, MONTH, "quarantine")
    assert (rejected["document_number"], rejected["column_name"]) == ("INV-3", "Total")
