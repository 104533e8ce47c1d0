"""Workbooks as programs write them: sales registers of January 2025, each a file of its own."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recon_assets.sources.loading import Load
from recon_assets_tests.landed import platform_in, table_rows

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
    assert {t["column"]: (t["said"], t["summed"]) for t in table.control_totals}["Total Incl. Tax"] == ("212", "212")


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
