"""What README.md promises of one's own files, taken from its text: the smallest register, and profiles by example."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.landed import bss_line, delimited, land, nce_line, platform_in, table_rows

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Bring your own files")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```\n(.*?)```", SECTION, re.DOTALL)
MONTH, TIN = "2025-03", "C20830570210"


def needed(program: str) -> str:
    """The entries of a profile that the table of programs names, as TOML."""
    (cell,) = re.findall(rf"^\| {re.escape(program)}[^|]*\| (.*) \|$", SECTION, re.MULTILINE)
    return "\n".join(re.findall(r"`([^`]*)`", cell)).replace("[columns]", "[columns]\n")


def loaded(home: Path, text: str | bytes, profile: str = "", **settings: Any) -> list[dict[str, Any]]:
    platform = platform_in(home, **settings)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/autocount-march.csv", text)
    if profile:
        land(platform.settings.landing, "profiles/told.toml", profile)
    load = platform.load("erp_sales_register", MONTH)
    assert load.raw_month is not None and load.raw_month.quarantined == 0, load.problems
    return table_rows(platform.raw, "erp_sales_register", MONTH)


def totals(rows: list[dict[str, Any]]) -> list[tuple[str, Decimal]]:
    return [(row["document_number"], row["total_including_tax"]) for row in rows]


def test_the_smallest_register_is_read_as_it_is_said(tmp_path: Path) -> None:
    rows = loaded(tmp_path, BLOCKS[0], company_tins=TIN)
    assert totals(rows) == [("INV-1", Decimal(1080)), ("CN-1", Decimal(-54))]
    assert {(row["supplier_tin"], row["currency_code"]) for row in rows} == {(TIN, "MYR")}
    assert [row["total_payable_amount"] for row in rows] == [Decimal(1080), Decimal(-54)]
    assert [row["document_type"] for row in rows] == ["01", "02"]


def test_the_profile_for_autocount_reads_its_list(tmp_path: Path) -> None:
    text = (
        "CONTOH SDN BHD\nDoc. No.,Date,Debtor Code,Debtor Name,Debtor TIN,Net Total,Tax,Total\n"
        "INV-1,31/03/2025,300-A001,A,C11122233340,100.00,6.00,106.00\n,,,Total,,100.00,6.00,106.00\n"
    )
    rows = loaded(tmp_path, text, BLOCKS[1])
    assert totals(rows) == [("INV-1", Decimal(106))] and rows[0]["supplier_tin"] == TIN


def test_sql_account_with_a_row_per_item_is_summed(tmp_path: Path) -> None:
    lines = ["INV-1,2025-03-05,C1,10.00,0.60,10.60", "INV-1,2025-03-05,C1,20.00,1.20,21.20"]
    text = "\n".join(["Doc No,Doc Date,Customer TIN,Subtotal,Tax,Total", *lines])
    profile = f'match = ["erp/*"]\n{needed("SQL Account")}\n'
    assert totals(loaded(tmp_path, text, profile, company_tins=TIN)) == [("INV-1", Decimal("31.80"))]


def test_erpnext_is_read_with_its_three_columns(tmp_path: Path) -> None:
    text = (
        "Voucher Type,Voucher,Posting Date,Customer,Tax Id,Net Total,Total Tax,Grand Total\n"
        "Sales Invoice,ACC-SINV-1,2025-03-05,A,C11122233340,100,6,106\nTotal,,,,,100,6,106\n"
    )
    profile = f'match = ["erp/*"]\n{needed("ERPNext")}'
    rows = loaded(tmp_path, text, profile, company_tins=TIN)
    assert totals(rows) == [("ACC-SINV-1", Decimal(106))] and rows[0]["buyer_tin"] == "C11122233340"


def test_xero_needs_nothing(tmp_path: Path) -> None:
    text = "Invoice Number,Date,Contact,TIN,Net,Tax,Gross\nINV-1,31 Mar 2025,A,C11122233340,100.00,6.00,106.00\n"
    assert totals(loaded(tmp_path, text, company_tins=TIN)) == [("INV-1", Decimal(106))]


def test_two_taxes_are_summed_when_a_profile_names_both(tmp_path: Path) -> None:
    text = (
        "Invoice No,Invoice Date,Customer TIN,Subtotal,Service Tax,Sales Tax,Total\n"
        "INV-1,2025-03-05,C1,100.00,6.00,10.00,116.00\nINV-2,2025-03-06,C1,100.00,6.00,0.00,106.00\n"
    )
    assert "both headings for `total_tax_amount`: they are summed" in SECTION
    profile = 'match = ["erp/*"]\n[columns]\n"Service Tax" = "total_tax_amount"\n"Sales Tax" = "total_tax_amount"\n'
    rows = loaded(tmp_path, text, profile, company_tins=TIN)
    assert [row["total_tax_amount"] for row in rows] == [Decimal(16), Decimal(6)]


@pytest.mark.parametrize(
    ("source", "path", "line", "column"),
    [
        (
            "bss_invoices", "bss/invoices/2025-05/a.csv",
            bss_line(Invoice_Date="05/05/2025", Start_Date="01/02/2025", End_Date="02/03/2025"), "start_date",
        ),
        (
            "ms_recon_nce", "partner_center/reconciliation/2025-05/nce/a.csv",
            nce_line(ChargeStartDate="01/02/2025", ChargeEndDate="02/03/2025"), "charge_start_date",
        ),
    ],
)  # fmt: skip
def test_the_order_of_days_and_months_is_that_of_a_profile(
    tmp_path: Path, source: str, path: str, line: dict[str, str], column: str
) -> None:
    platform = platform_in(tmp_path)
    land(platform.settings.landing, path, delimited([line], list(line)))
    land(
        platform.settings.landing,
        "profiles/days.toml",
        f'match = ["{path}"]\n{needed("interworks (BSS), Partner Center")}',
    )
    assert platform.load(source, "2025-05").outcome == "loaded"
    assert [f"{row[column]}" for row in table_rows(platform.raw, source, "2025-05")] == ["2025-02-01"]


def test_freshbooks_with_a_row_per_item_is_summed_without_its_drafts(tmp_path: Path) -> None:
    text = (
        "Client Name,Invoice #,Date Issued,Invoice Status,Client TIN,Item Name,Rate,Quantity,Line Subtotal,Tax 1 Amount,"
        "Tax 2 Amount,Line Total,Currency\n"
        "Adatum,0001,2025-03-05,paid,C1,Licence,60.00,10,600.00,48.00,0.00,648.00,MYR\n"
        "Adatum,0001,2025-03-05,paid,C1,Support,100.00,4,400.00,32.00,10.00,442.00,MYR\n"
        "Bersama,0002,2025-03-17,draft,C5,Licence,60.00,5,300.00,24.00,0.00,324.00,MYR\n"
    )
    rows = loaded(tmp_path, text, f'match = ["erp/*"]\n{needed("FreshBooks")}\n', company_tins=TIN)
    assert totals(rows) == [("0001", Decimal(1090))] and rows[0]["total_tax_amount"] == Decimal(90)


def test_posted_purchases_of_business_central_are_read_without_what_was_cancelled(tmp_path: Path) -> None:
    text = (
        "No.;Vendor Invoice No.;Document Date;Posting Date;VAT Registration No.;Currency Code;Amount;Amount Including VAT;"
        "Cancelled\n"
        "PI-1;SUP-77;05.03.2025;06.03.2025;C7;MYR;1.000,00;1.080,00;No\n"
        "PI-2;SUP-78;17.03.2025;18.03.2025;C7;MYR;500,00;540,00;Yes\n"
    )
    platform = platform_in(tmp_path, company_tins=TIN)
    land(platform.settings.landing, f"erp/purchase_register/{MONTH}/posted.csv", text)
    profile = f'match = ["erp/purchase_register/*"]\n{needed("Business Central")}\n'
    land(platform.settings.landing, "profiles/told.toml", profile)
    load = platform.load("erp_purchase_register", MONTH)
    assert load.raw_month is not None, load.problems
    rows = table_rows(platform.raw, "erp_purchase_register", MONTH)
    assert totals(rows) == [("SUP-77", Decimal(1080))] and rows[0]["total_tax_amount"] == Decimal(80)
    assert load.raw_month.files[0].ignored == {"not_issued": 1}
