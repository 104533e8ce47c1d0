"""Registers as people have them: every one gives the rows of the control, or says why not.

Each folder below `einvoices/` is a landing zone of March 2025; `workbooks/` are sales registers of January 2025.
"""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import platform_in, table_rows

FOLDER = Path(__file__).parent
MONTH, OWN_TIN = "2025-03", "C20830570210"
FIELDS = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "document_date", "currency_code",
    "original_document_number", "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip
# case -> warnings, rows ignored by kind.
AS_THE_CONTROL: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "r01_control_xlsx": ({}, {}),
    "r02_title_rows_xlsx": ({}, {"title": 3}),
    "r03_totals_row_xlsx": ({}, {"subtotal": 1}),
    "r03b_totals_and_footer_xlsx": ({}, {"blank": 1, "footer": 1, "subtotal": 1}),
    "r05_invoices_and_notes_on_two_sheets": ({}, {}),
    "r05b_cover_sheet_first": ({"unread_sheets": 1}, {}),
    "r06_filtered_rows_hidden": ({}, {}),
    "r07_parentheses_csv": ({}, {}),
    "r07c_cr_dr_csv": ({}, {}),
    "r08_currency_symbol_csv": ({}, {}),
    "r08c_currency_RM": ({}, {}),
    "r09_date_dd_mmm_yyyy": ({}, {}),
    "r09d_date_12h_time": ({}, {}),
    "r09e_date_ymd_slash": ({}, {}),
    "r09f_date_dd_mm_yyyy": ({}, {}),
    "r09g_date_excel_serial": ({}, {}),
    "r10_html_called_xls": ({}, {}),
    "r10b_html_called_xlsx": ({}, {}),
    "r10c_xlsm": ({}, {}),
    "r10d_upper_XLSX_and_lockfile": ({}, {}),
    "r10e_txt_tab": ({}, {}),
    "r11_semicolon_comma_decimals": ({}, {}),
    "r11b_cp1252_names": ({"encoding_assumed": 1}, {}),
    "r11c_gbk_names": ({"encoding_assumed": 1}, {}),
    "r11d_sep_line": ({}, {}),
    "r12_malay_headings": ({}, {}),
    "r13_type_words": ({}, {}),
    "r14_no_own_tin_column": ({}, {}),
    "r21_blank_rows_of_commas": ({}, {"blank": 5}),
    "r23_excel_text_guards": ({}, {}),
    "r32_cr_line_ends": ({}, {}),
    "r33_headings_with_RM": ({}, {}),
    "r35_two_tax_columns": ({}, {}),
    "r39_blank_currency_means_ringgit": ({"currency_assumed": 7}, {}),
}


def load(home: Path, case: str, source: str = "erp_sales_register", tins: str = "", profile: str = "") -> Load:
    landing = home / "landing"
    shutil.copytree(FOLDER / "einvoices" / case / "landing", landing)
    if profile:
        (landing / "profiles").mkdir()
        (landing / "profiles" / "told.toml").write_text(profile)
    platform = platform_in(home, company_tins=tins)
    return platform.load(source, MONTH)


def rows(home: Path, month: str = MONTH, source: str = "erp_sales_register") -> list[tuple[Any, ...]]:
    platform = platform_in(home)
    found = (tuple(row[name] for name in FIELDS) for row in table_rows(platform.raw, source, month))
    return sorted(found, key=lambda row: str(row[2]))


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    home = tmp_path_factory.mktemp("control")
    assert load(home, "r01_control_xlsx").outcome == "loaded"
    return rows(home)


def test_the_control_has_seven_documents(control: list[tuple[Any, ...]]) -> None:
    assert len(control) == 7 and {row[3] for row in control} == {"01", "02"}


@pytest.mark.parametrize("case", AS_THE_CONTROL)
def test_a_register_as_people_have_it_gives_the_rows_of_the_control(
    tmp_path: Path, control: list[tuple[Any, ...]], case: str
) -> None:
    loaded = load(tmp_path, case, tins=OWN_TIN if case.startswith("r14") else "")
    assert loaded.outcome == "loaded", loaded.problems
    assert rows(tmp_path) == control
    assert loaded.raw_month is not None and loaded.raw_month.quarantined == 0
    (file,) = loaded.raw_month.files
    ignored = {kind: n for table in file.tables for kind, n in table.ignored.items()}
    assert (file.warnings, ignored) == AS_THE_CONTROL[case]


def only_file(loaded: Load) -> LoadedFile:
    assert loaded.raw_month is not None, loaded.problems
    (file,) = (file for file in loaded.raw_month.files if not file.path.startswith("profiles/"))
    return file


def changed(control: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> list[tuple[str, str, Any]]:
    """What differs from the control: document, field, value found."""
    by_number = {row[2]: row for row in found}
    return [
        (row[2], field, mine)
        for row in control
        for field, theirs, mine in zip(FIELDS, row, by_number[row[2]], strict=True)
        if theirs != mine
    ]


def test_a_day_and_month_that_a_spreadsheet_swapped_stay_so(tmp_path: Path, control: list[tuple[Any, ...]]) -> None:
    assert load(tmp_path, "r09h_mixed_text_and_serial_xlsx").outcome == "loaded"
    assert changed(control, rows(tmp_path)) == [("INV-2503-001", "document_date", dt.date(2025, 5, 3))]


def test_error_cells_in_a_column_that_may_be_empty_are_told_with_their_rows(
    tmp_path: Path, control: list[tuple[Any, ...]]
) -> None:
    file = only_file(load(tmp_path, "r43_excel_error_cells"))
    assert file.warnings == {"error_cells": 2}
    assert "error_cells: 'Buyer TIN' in rows 3, 4" in file.tables[0].notes
    assert changed(control, rows(tmp_path)) == [
        ("INV-2503-002", "buyer_tin", None), ("INV-2503-003", "buyer_tin", None),
    ]  # fmt: skip


AUTOCOUNT = """
match = ["erp/sales_register/*/sales.csv"]
source = "erp_sales_register"
[columns]
"Net Total" = "total_excluding_tax"
"Tax" = "total_tax_amount"
"Total" = "total_including_tax"
[constants]
supplier_tin = "C20830570210"
"""


def test_a_list_of_autocount_is_read_with_a_short_profile(tmp_path: Path, control: list[tuple[Any, ...]]) -> None:
    file = only_file(load(tmp_path, "r12c_autocount_style", profile=AUTOCOUNT))
    assert len(AUTOCOUNT.strip().splitlines()) <= 10 and file.warnings == {"payable_derived": 7}
    lacking = {"original_document_number", "total_discount_value", "total_charge_amount"}
    assert {field for _, field, value in changed(control, rows(tmp_path)) if value is None} == lacking
    assert {field for _, field, _ in changed(control, rows(tmp_path))} == lacking


def test_an_ordinary_list_is_read_with_the_companys_tin(tmp_path: Path, control: list[tuple[Any, ...]]) -> None:
    file = only_file(load(tmp_path, "r14b_only_ordinary_columns", tins=OWN_TIN))
    assert file.warnings == {"payable_derived": 7, "type_assumed": 7}
    lacking = {"original_document_number", "total_discount_value", "total_charge_amount"}
    assert {field for _, field, _ in changed(control, rows(tmp_path))} == lacking


def test_a_list_without_tax_has_the_tax_that_its_totals_leave(tmp_path: Path) -> None:
    assert only_file(load(tmp_path, "r40_no_tax_column_unregistered")).warnings == {"tax_derived": 7}
    assert {row[8] for row in rows(tmp_path)} == {Decimal(0)}


def test_of_two_numbers_in_a_purchase_register_the_suppliers_is_the_documents(tmp_path: Path) -> None:
    file = only_file(load(tmp_path, "r30_internal_and_supplier_number", "erp_purchase_register"))
    assert [row[2] for row in rows(tmp_path, source="erp_purchase_register")] == ["SCN-77", "SUP/0001", "SUP/0002"]
    assert file.extra_columns == ["Document No"]


def test_a_number_that_a_spreadsheet_took_for_one_looks_damaged(tmp_path: Path) -> None:
    file = only_file(load(tmp_path, "r36_excel_scientific_and_lost_zeros"))
    assert file.warnings == {"looks_damaged": 1}
    assert sorted(row[2] for row in rows(tmp_path)) == ["123", "2.503E+11", "INV-1"]


def test_rows_per_line_are_refused_with_advice_and_summed_with_the_profile(
    tmp_path: Path, control: list[tuple[Any, ...]]
) -> None:
    refused = load(tmp_path / "a", "r17_line_level")
    assert refused.outcome == "failed" and 'level = "line"' in refused.problems[0]
    profile = 'match = ["erp/*"]\nlevel = "line"\n'
    file = only_file(load(tmp_path / "b", "r17_line_level", profile=profile))
    assert rows(tmp_path / "b") == control and file.tables[0].ignored == {"summed": 7}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("r12c_autocount_style", ["own TIN", "RECON_COMPANY_TINS", "profile"]),
        ("r14_no_own_tin_column", ["RECON_COMPANY_TINS"]),
        ("r18_formulas_without_values", ["never calculated", "spreadsheet program"]),
        ("r31_password_protected_xlsx", ["password"]),
    ],
)
def test_a_register_that_cannot_be_told_is_refused_with_what_to_do(tmp_path: Path, case: str, words: list[str]) -> None:
    refused = load(tmp_path, case)
    assert refused.outcome == "failed"
    assert all(word in refused.problems[0] for word in words), refused.problems


def test_the_same_list_downloaded_again_is_set_aside(tmp_path: Path, control: list[tuple[Any, ...]]) -> None:
    loaded = load(tmp_path, "m23_downloaded_twice")
    assert rows(tmp_path) == control
    assert loaded.raw_month is not None
    aside = {f.path: [f.duplicate_of, *(t.set_aside for t in f.tables)] for f in loaded.raw_month.files if not f.rows}
    assert len(aside) == 1, aside


def test_every_case_of_the_folder_is_tested() -> None:
    cases = {folder.name for folder in (FOLDER / "einvoices").glob("r*")}
    text = Path(__file__).read_text(encoding="utf-8")
    assert not {case for case in cases if f'"{case}"' not in text}
