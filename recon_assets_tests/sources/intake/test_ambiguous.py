"""Headings of one word that mean one thing in one list and another in the next: what the values say decides."""

import datetime as dt
import io
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openpyxl import Workbook

from recon_assets.errors import FileProblem
from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.sources.intake import plain
from recon_assets.sources.intake.prepared import Columns, Facts
from recon_assets_tests.landed import land, platform_in, table_rows

SOURCE, MONTH = "erp_sales_register", "2025-03"
FRESHBOOKS = """Client Name,Invoice #,Date Issued,Invoice Status,Client TIN,Item Name,Rate,Quantity,Line Subtotal,Tax 1 Type,Tax 1 Amount,Tax 2 Type,Tax 2 Amount,Line Total,Currency
Adatum,0001,2025-03-05,paid,C11122233340,Licence,60.00,10,600.00,SST,48.00,Tourism,0.00,648.00,MYR
Adatum,0001,2025-03-05,paid,C11122233340,Support,100.00,4,400.00,SST,32.00,Tourism,10.00,442.00,MYR
Bersama,0002,2025-03-17,draft,C55566677780,Licence,1.00,5,5.00,SST,0.40,Tourism,0.00,5.40,MYR
Bersama,0003,2025-03-18,sent,C55566677780,Licence,4.45,5,22.25,SST,1.78,Tourism,0.00,24.03,USD
"""  # fmt: skip
FRESHBOOKS_PROFILE = (
    'level = "line"\n[columns]\n"Line Subtotal" = "total_excluding_tax"\n"Tax 1 Amount" = "total_tax_amount"\n'
    '"Tax 2 Amount" = "total_tax_amount"\n"Line Total" = "total_including_tax"\n'
)


def read(home: Path, text: str, profile: str = "") -> tuple[list[dict[str, Any]], LoadedFile]:
    platform = platform_in(home, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.csv", text)
    if profile:
        land(platform.settings.landing, "profiles/told.toml", f'match = ["erp/*"]\n{profile}')
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None, load.problems
    file = next(file for file in load.raw_month.files if file.path.endswith("list.csv"))
    return table_rows(platform.raw, SOURCE, MONTH), file


def test_the_rate_of_a_list_of_items_is_a_price(tmp_path: Path) -> None:
    rows, file = read(tmp_path, FRESHBOOKS, FRESHBOOKS_PROFILE)
    assert [(r["document_number"], r["total_tax_amount"], r["total_including_tax"], r["exchange_rate"]) for r in rows] == [
        ("0001", Decimal(90), Decimal(1090), None), ("0003", Decimal("1.78"), Decimal("24.03"), None),
    ]  # fmt: skip
    assert file.ignored == {"not_issued": 1, "summed": 1} and "Rate" in file.extra_columns
    assert any(note.startswith("'Rate' is no exchange rate here") for note in file.tables[0].notes)


@pytest.mark.parametrize(
    ("headings", "cells", "rates"),
    [
        ("Currency,Rate", ("MYR,1", "USD,4.45"), [1, "4.45"]),
        ("Currency,Rate", ("MYR,", "USD,4.45"), [None, "4.45"]),
        ("Rate", ("1", "1"), [1, 1]),
        ("Currency,Rate", ("MYR,8", "MYR,6"), [None, None]),  # of tax
        ("Rate", ("8", "6"), [None, None]),
        ("Currency,Rate,Qty", ("MYR,1,2", "USD,4.45,2"), [None, None]),
        ("Currency,Exchange Rate,Qty", ("MYR,1,2", "USD,4.45,2"), [1, "4.45"]),
    ],
)
def test_a_rate_is_one_of_exchange_where_it_can_be(
    tmp_path: Path, headings: str, cells: tuple[str, str], rates: list[Any]
) -> None:
    lines = [f"INV-{n},{12 + n}/03/2025,C11122233340,100,8,108,{cell}" for n, cell in enumerate(cells)]
    text = "\n".join([f"Invoice No,Invoice Date,Customer TIN,Subtotal,Tax,Total,{headings}", *lines])
    rows, _ = read(tmp_path, text)
    assert [row["exchange_rate"] for row in rows] == [None if rate is None else Decimal(rate) for rate in rates]


def test_a_profile_says_that_a_rate_is_one_of_exchange(tmp_path: Path) -> None:
    text = (
        "Invoice No,Invoice Date,Customer TIN,Subtotal,Tax,Total,Currency,Rate,Qty\nA,13/03/2025,C1,1,0,1,USD,4.45,2\n"
    )
    (row,), _ = read(tmp_path, text, '[columns]\n"Rate" = "exchange_rate"\n')
    assert row["exchange_rate"] == Decimal("4.45")


def test_a_tax_that_is_a_rate_is_refused_and_left_out_by_the_profile_that_is_shown(tmp_path: Path) -> None:
    text = "Invoice No,Invoice Date,Customer TIN,Subtotal,SST,Grand Total\nA,13/03/2025,C1,50,8,54\nB,14/03/2025,C1,150,6,159\n"
    with pytest.raises(AssertionError, match="holds rates, not amounts of tax"):
        read(tmp_path / "a", text)
    rows, _ = read(tmp_path / "b", text, 'not_read = ["SST"]\n')
    assert [row["total_tax_amount"] for row in rows] == [Decimal(4), Decimal(9)]


@pytest.mark.parametrize("rate", ["0.08", "8%", "8.00 %"])
def test_a_rate_as_a_cell_formatted_as_percent_holds_or_shows_it_is_no_tax_either(tmp_path: Path, rate: str) -> None:
    text = f"Invoice No,Invoice Date,Customer TIN,Subtotal,SST,Grand Total\nA,13/03/2025,C1,50,{rate},54\n"
    with pytest.raises(AssertionError, match="holds rates, not amounts of tax"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("amounts", "rates", "is_refused"), [(1, 10, True), (2, 18, False), (0, 1, True), (3, 2, False)]
)
def test_rates_are_told_by_all_rows_whatever_the_first_ones_say(
    monkeypatch: pytest.MonkeyPatch, amounts: int, rates: int, is_refused: bool
) -> None:
    monkeypatch.setattr(plain, "_AT_A_TIME", 1)
    rows = [("50", "4", "54")] * amounts + [("50", "8", "54")] * rates
    names = ("total_excluding_tax", "total_tax_amount", "total_including_tax")
    texts = {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    places = pa.array(range(len(rows)))
    columns = Columns(texts, places, places, places, {}, lambda _: [])
    with pytest.raises(FileProblem, match="holds rates") if is_refused else nullcontext():
        plain.require_no_rates(columns, Facts(), "list.csv")


OF_DOLLARS = "Invoice No,Invoice Date,Customer TIN,{}Net Amount ({c}),SST ({c}),Total ({c})\n"


def test_amounts_whose_headings_all_name_a_currency_are_in_it(tmp_path: Path) -> None:
    rows, file = read(tmp_path, OF_DOLLARS.format("", c="USD") + "A1,13/03/2025,C1,100.00,8.00,108.00\n")
    assert [row["currency_code"] for row in rows] == ["USD"]
    assert not {"currency_assumed", "currency_differs"} & file.warnings.keys()


def test_rows_in_another_currency_than_the_headings_of_their_amounts_are_told(tmp_path: Path) -> None:
    lines = "A1,13/03/2025,C1,USD,445.00,35.60,480.60\nA2,14/03/2025,C1,MYR,100.00,8.00,108.00\n"
    _, file = read(tmp_path, OF_DOLLARS.format("Currency,", c="RM") + lines)
    assert file.warnings["currency_differs"] == 1
    (told,) = [text for text in file.warned if text.startswith("currency_differs")]
    assert "amounts in MYR in rows 2" in told and 'not_read = ["<heading>"]' in told


def test_cells_that_name_another_currency_than_their_row_are_told(tmp_path: Path) -> None:
    heading = "Invoice No,Invoice Date,Customer TIN,Currency,Net Amount,SST,Total\n"
    lines = "A1,13/03/2025,C1,MYR,USD 100.00,USD 8.00,US$ 108.00\nA2,14/03/2025,C1,EUR,€100.00,€8.00,€108.00\n"
    rows, file = read(tmp_path, f"{heading}{lines}A3,15/03/2025,C1,MYR,RM 1.00,$ 0.00,1.00\n")
    assert [row["currency_code"] for row in rows] == ["MYR", "EUR", "MYR"]
    assert file.warnings["currency_differs"] == 1
    assert any("currency_differs: 1 (amounts in USD in rows 2)" in text for text in file.warned)


@pytest.mark.parametrize("has_codes", [True, False])
def test_amounts_of_a_workbook_that_are_shown_in_another_currency_are_not_taken_for_ringgit(
    tmp_path: Path, has_codes: bool
) -> None:
    headings = ["Invoice No", "Invoice Date", "Customer TIN", "Net Amount", "SST", "Total", *["Currency"] * has_codes]
    book, content = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(headings)
    for number in (1, 2):
        sheet.append([f"A{number}", f"2025-03-0{number}", "C1", 100, 8, 108, *["MYR"] * has_codes])
    for place in ("D2", "E2", "F2"):
        sheet[place].number_format = "[$USD] #,##0.00"
    book.save(content)
    platform = platform_in(tmp_path, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.xlsx", content.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None, load.problems
    if has_codes:
        assert load.raw_month.files[0].warnings["currency_differs"] == 1
    else:
        (rejected,) = table_rows(platform.raw, SOURCE, MONTH, "quarantine")
        assert (rejected["source_line"], rejected["column_name"]) == (2, "currency_code")


def test_ids_that_a_spreadsheet_made_numbers_of_are_told_by_column(tmp_path: Path) -> None:
    heading = "Invoice No,Invoice Date,Customer TIN,Net Amount,SST,Total\n"
    _, file = read(tmp_path, heading + "A1,13/03/2025,2.02E+11,100.00,8.00,108.00\n")
    assert any(text.startswith("looks_damaged: 1 ('Customer TIN' in rows 2)") for text in file.warned)


def test_what_programs_write_for_no_number_is_rejected(tmp_path: Path) -> None:
    heading = "Invoice No,Invoice Date,Customer TIN,Net Amount,SST,Total\n"
    rows, file = read(tmp_path, heading + "A1,13/03/2025,C1,1.00,nan,1.00\nA2,14/03/2025,C1,100.00,8.00,108.00\n")
    assert [row["document_number"] for row in rows] == ["A2"] and file.quarantined == 1


def test_numbers_and_days_that_a_workbook_made_of_ids_are_told(tmp_path: Path) -> None:
    book, content = Workbook(), io.BytesIO()
    for row in (
        ["Invoice No", "Invoice Date", "Customer TIN", "Net Amount", "SST", "Total"],
        [1234567890123456789, "2025-03-13", "1234567890123456789", 100, 8, 108],
        [123456789012345, "2025-03-14", "C1", 100, 8, 108],
        [dt.datetime(2025, 5, 3), dt.datetime(2025, 3, 14), "2025-05-03", 100, 8, 108],
    ):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(content)
    platform = platform_in(tmp_path, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.xlsx", content.getvalue())
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None, load.problems
    (told,) = [text for text in load.raw_month.files[0].warned if text.startswith("looks_damaged")]
    assert told.startswith("looks_damaged: 2 ('Invoice No' in rows 2, 4)")
