"""Taxes, roundings and the like that no column reads: never a wrong tax in silence (docs/decisions.md)."""

from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.sources.intake.beside import kind_of
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import land, platform_in, table_rows

SOURCE, MONTH = "erp_sales_register", "2025-03"


def loaded(home: Path, headings: str, *rows: str, profile: str = "") -> Load:
    """A register with an invoice per row, whose amounts stand in `rows`."""
    lines = [f"INV-{n},{12 + n}/03/2025,C11122233340,MYR,{row}" for n, row in enumerate(rows, 1)]
    platform = platform_in(home, company_tins="C20830570210")
    text = "\n".join([f"Invoice No,Invoice Date,Customer TIN,Currency,{headings}", *lines]) + "\n"
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.csv", text)
    if profile:
        land(platform.settings.landing, "profiles/told.toml", f'match = ["erp/*"]\n{profile}')
    return platform.load(SOURCE, MONTH)


def taxes(home: Path, headings: str, *rows: str, profile: str = "") -> tuple[list[Decimal], LoadedFile]:
    load = loaded(home, headings, *rows, profile=profile)
    assert load.raw_month is not None, load.problems
    file = next(file for file in load.raw_month.files if file.path.endswith("list.csv"))
    return [row["total_tax_amount"] for row in table_rows(platform_in(home).raw, SOURCE, MONTH)], file


TWO = "Subtotal,Output Tax 6%,Tourism Tax,Rounding,Grand Total"


def test_a_derived_tax_that_unread_taxes_contradict_is_refused_with_what_to_write(tmp_path: Path) -> None:
    rows = "100.00,6.00,10.00,0.00,116.00", "99.90,5.99,10.00,0.01,115.90"
    (problem,) = loaded(tmp_path / "a", TWO, *rows).problems
    assert "in row 3 it is 16.00, they are 15.99 ('Rounding' is part of the total too)" in problem
    assert '[columns] "Output Tax 6%" = "total_tax_amount", "Tourism Tax" = "total_tax_amount"' in problem
    profile = '[columns]\n"Output Tax 6%" = "total_tax_amount"\n"Tourism Tax" = "total_tax_amount"\n'
    found, file = taxes(tmp_path / "b", TWO, *rows, profile=profile)
    assert found == [Decimal("16.00"), Decimal("15.99")]
    assert "'Tourism Tax': decimal . (10.00)" in file.tables[0].notes  # each summed column by its heading


def test_a_derived_tax_that_is_the_sum_of_unread_ones_is_right_and_names_them(tmp_path: Path) -> None:
    found, file = taxes(tmp_path, TWO, "100.00,6.00,10.00,0.00,116.00", "99.90,5.99,0.00,0.00,105.89")
    assert found == [Decimal(16), Decimal("5.99")] and file.warnings["tax_derived"] == 2
    (told,) = [text for text in file.warned if text.startswith("tax_derived")]
    assert "'Output Tax 6%' and 'Tourism Tax'" in told and '"Tourism Tax" = "total_tax_amount"' in told


@pytest.mark.parametrize(
    ("headings", "row"),
    [
        ("Subtotal,Rounding,Grand Total", "99.99,0.01,100.00"),
        ("Subtotal,Rounding,Grand Total", "99.99,0.01,108.00"),  # a tax of 8.00 or of 8.01
        ("Subtotal,Rebate,Grand Total", "100.00,10.00,90.00"),
        ("Subtotal,Freight,Grand Total", "100.00,10.00,110.00"),
    ],
)
def test_a_rounding_a_discount_or_a_charge_is_no_tax(tmp_path: Path, headings: str, row: str) -> None:
    (problem,) = loaded(tmp_path, headings, row).problems
    assert "which is none" in problem and "not_read" in problem and "[constants]" in problem


def test_what_is_no_tax_of_the_total_is_left_alone(tmp_path: Path) -> None:
    outside = "Subtotal,Total Incl. Tax,Rounding,Payable Amount"
    assert taxes(tmp_path / "a", outside, "100.00,108.02,-0.02,108.00")[0] == [Decimal("8.02")]
    assert taxes(tmp_path / "b", "Subtotal,Tax Rate,Tax Code,Grand Total", "100.00,8,1,108.00")[0] == [Decimal(8)]
    assert taxes(tmp_path / "c", "Subtotal,Freight,Grand Total", "100.00,5.00,108.00")[0] == [Decimal(8)]
    assert taxes(tmp_path / "d", "Subtotal,Local Tax,Grand Total", "100,35,108", profile='not_read = ["Local Tax"]')[
        0
    ] == [Decimal(8)]
    assert taxes(
        tmp_path / "e", "Subtotal,Rounding,Grand Total", "99.99,0.01,100", profile='[constants]\ntotal_tax_amount = "0"'
    )[0] == [Decimal(0)]


def test_a_tax_that_is_read_is_not_all_of_it_where_an_unread_one_makes_up_the_total(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path / "a", "Subtotal,SST,Tourism Tax,Grand Total", "100,8,10,118", "50,4,0,54").problems
    assert "the tax that is read ('SST') is not all of it: with 'Tourism Tax'" in problem
    assert taxes(tmp_path / "b", "Subtotal,Tax,Input Tax,Grand Total", "100,8,3,108")[0] == [Decimal(8)]


def test_taxes_of_items_beside_totals_of_documents_are_summed(tmp_path: Path) -> None:
    text = (
        "Invoice No,Invoice Date,Customer TIN,Currency,Subtotal,Item Tax,Grand Total\n"
        "INV-1,13/03/2025,C11122233340,MYR,100.00,3.00,108.00\nINV-1,13/03/2025,C11122233340,MYR,100.00,5.00,108.00\n"
    )
    platform = platform_in(tmp_path, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.csv", text)
    assert platform.load(SOURCE, MONTH).outcome == "loaded"


def test_headings_tell_amounts_of_tax_from_rates_codes_and_numbers() -> None:
    kinds = {
        text: kind_of(text) for text in ("SST 8%", "Tax 2", "Service_Tax", "销项税", "Rounding Adj.", "Disc Amount")
    }
    assert kinds == {
        "SST 8%": "tax", "Tax 2": "tax", "Service_Tax": "tax", "销项税": "tax", "Rounding Adj.": "rounding",
        "Disc Amount": "discount",
    }  # fmt: skip
    others = ("Tax %", "Tax Rate", "SST No.", "Tax Code", "Amount Before Tax", "Taxable Amount", "税率", "Remarks")
    assert [text for text in others if kind_of(text)] == []
