"""Exports of programs that no case imitates, each with the profile that docs/newcomers.md names for it."""

from decimal import Decimal
from pathlib import Path

from recon_assets.inspection import inspect_file
from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import land, platform_in, table_rows

SOURCE, MONTH, TIN = "erp_sales_register", "2025-03", "C20830570210"
QUICKBOOKS = """CONTOH SDN BHD
Sales by Customer Detail
March 2025

,Date,Transaction Type,Num,Customer TIN,Memo/Description,Amount,Tax Amount,Total Amount
Adatum Sdn Bhd
,05/03/2025,Invoice,INV-1001,C11122233340,Licences,"1,000.00",80.00,"1,080.00"
,17/03/2025,Invoice,INV-1002,C11122233340,Support,"2,500.50",200.04,"2,700.54"
Total for Adatum Sdn Bhd,,,,,,"RM3,500.50",RM280.04,"RM3,780.54"
Bersama Trading
,20/03/2025,Credit Memo,CM-1003,C55566677780,Return,-500.00,-40.00,-540.00
Total for Bersama Trading,,,,,,-RM500.00,-RM40.00,-RM540.00
TOTAL,,,,,,"RM3,000.50",RM240.04,"RM3,240.54"

"Monday, April 07, 2025 09:12:33 AM GMT+8 - Accrual Basis"
"""
RULE = "-" * 96
SAP = f"""07.04.2025                  Dynamic List Display                     1
{RULE}
|St|DocumentNo|Type|Doc. Date |Tax Number 1|Curr.|  Net Amount|Tax Amount|Amount in doc. curr.|
{RULE}
|  |1800000001|RV  |05.03.2025|C11122233340|MYR  |   1.000,00 |    80,00 |           1.080,00 |
|  |1800000002|RV  |17.03.2025|C11122233340|MYR  |  12.500,50 | 1.000,04 |          13.500,54 |
|  |1600000003|DG  |20.03.2025|C55566677780|MYR  |     500,00-|    40,00-|             540,00-|
{RULE}
|* |          |    |          |            |MYR  |  13.000,50 | 1.040,04 |          14.040,54 |
{RULE}
"""
UBS = """CONTOH SDN BHD (123456-A)
SALES LISTING BY DATE
DATE : 01/03/2025 TO 31/03/2025

DATE,REF NO,TYPE,CUST NO,NAME,TIN NO,GROSS,DISC,NET,TAX,GRAND,CURR
05/03/2025,INV1001,INV,3000/A01,ADATUM,C11122233340,1100.00,100.00,1000.00,80.00,1080.00,MYR
17/03/2025,INV1002,INV,3000/A01,ADATUM,C11122233340,2500.50,0.00,2500.50,200.04,2700.54,MYR
20/03/2025,CN1003,CN,3000/B01,BERSAMA,C55566677780,-500.00,0.00,-500.00,-40.00,-540.00,MYR
,,,,TOTAL :,,3100.50,100.00,3000.50,240.04,3240.54,
"""
ZOHO = """Invoice Date,Invoice ID,Invoice Number,Invoice Status,Customer Name,Tax Registration Number,Currency Code,Exchange Rate,Item Name,Quantity,Item Price,Item Total,SubTotal,Tax Total,Total,Balance
2025-03-05,90001,INV-1001,Sent,Adatum,C11122233340,MYR,1.00,Licence,10,60.00,600.00,1000.00,80.00,1080.00,1080.00
2025-03-05,90001,INV-1001,Sent,Adatum,C11122233340,MYR,1.00,Support,4,100.00,400.00,1000.00,80.00,1080.00,1080.00
2025-03-17,90002,INV-1002,Paid,Adatum,C11122233340,MYR,1.00,Licence,5,500.10,2500.50,2500.50,200.04,2700.54,0.00
2025-03-20,90003,INV-1003,Void,Bersama,C55566677780,USD,4.45,Licence,1,100.00,100.00,100.00,0.00,100.00,100.00
"""  # fmt: skip
PROFILES = {
    "quickbooks": '[columns]\n"Amount" = "total_excluding_tax"\n',
    "sap": '[columns]\n"Tax Number 1" = "buyer_tin"\n"Amount in doc. curr." = "total_including_tax"\n'
    '[document_types]\nRV = "01"\nDG = "02"\n',
    "ubs": '[columns]\n"GRAND" = "total_including_tax"\n',
    "zoho": 'skip = ["^(Void|Draft)$"]\n[columns]\n"Tax Registration Number" = "buyer_tin"\n',
}


def loaded(home: Path, text: str, profile: str = "") -> Load:
    platform = platform_in(home, company_tins=TIN)
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.txt", text)
    land(platform.settings.landing, "profiles/told.toml", f'match = ["erp/sales_register/*"]\n{profile}')
    return platform.load(SOURCE, MONTH)


def read(home: Path, text: str, profile: str) -> tuple[LoadedFile, list[tuple[str, str, str, Decimal]]]:
    """The file as it is recorded, and its documents: number, type, day and total."""
    load = loaded(home, text, profile)
    assert load.raw_month is not None, load.problems
    documents = [
        (r["document_number"], r["document_type"], f"{r['document_date']:%d}", r["total_including_tax"])
        for r in table_rows(platform_in(home).raw, SOURCE, MONTH)
    ]
    return next(file for file in load.raw_month.files if file.path.endswith("list.txt")), documents


def test_quickbooks_sales_detail_has_groups_that_their_totals_name(tmp_path: Path) -> None:
    file, documents = read(tmp_path, QUICKBOOKS, PROFILES["quickbooks"])
    assert documents == [
        ("INV-1001", "01", "05", Decimal(1080)), ("INV-1002", "01", "17", Decimal("2700.54")),
        ("CM-1003", "02", "20", Decimal(-540)),
    ]  # fmt: skip
    assert file.ignored == {"blank": 1, "footer": 1, "group": 2, "subtotal": 3, "title": 4}
    totals = [total for table in file.tables for total in table.control_totals]
    assert len(totals) == 9 and all(Decimal(t["said"]) == Decimal(t["summed"]) for t in totals)


def test_a_name_alone_that_no_total_names_is_rejected(tmp_path: Path) -> None:
    file, documents = read(tmp_path, QUICKBOOKS.replace("Total for Bersama Trading", "Total"), PROFILES["quickbooks"])
    assert (file.quarantined, file.ignored["group"], len(documents)) == (1, 1, 3)


def test_an_sap_list_has_drawn_lines_pipes_and_totals_marked_by_stars(tmp_path: Path) -> None:
    file, documents = read(tmp_path, SAP, PROFILES["sap"])
    assert documents == [
        ("1800000001", "01", "05", Decimal(1080)), ("1800000002", "01", "17", Decimal("13500.54")),
        ("1600000003", "02", "20", Decimal(-540)),
    ]  # fmt: skip
    assert file.ignored == {"blank": 3, "subtotal": 1, "title": 2}


def test_a_total_marked_by_stars_is_a_control_total(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, SAP.replace("| 1.040,04 |", "| 1.041,04 |"), PROFILES["sap"]).problems
    assert problem.endswith("row 9: the total of 'Tax Amount' is 1041.04, its rows add up to 1040.04")


def test_of_the_gross_and_the_grand_total_of_ubs_the_profile_names_one(tmp_path: Path) -> None:
    _, documents = read(tmp_path, UBS, PROFILES["ubs"])
    assert [(number, amount) for number, _, _, amount in documents] == [
        ("INV1001", Decimal(1080)), ("INV1002", Decimal("2700.54")), ("CN1003", Decimal(-540)),
    ]  # fmt: skip
    (problem,) = loaded(tmp_path / "bare", UBS).problems
    assert "'GRAND' and 'GROSS' both fit total_including_tax, and their values differ" in problem
    assert problem.endswith('[columns] "GRAND" = "total_including_tax"')  # and not their sum


def test_zoho_repeats_the_invoice_on_every_item_and_lists_void_ones(tmp_path: Path) -> None:
    file, documents = read(tmp_path, ZOHO, PROFILES["zoho"])
    assert [(number, amount) for number, _, _, amount in documents] == [
        ("INV-1001", Decimal(1080)), ("INV-1002", Decimal("2700.54")),
    ]  # fmt: skip
    assert (file.duplicates, file.quarantined, file.ignored) == (1, 1, {"skipped": 1})


def test_inspect_names_the_nearest_source_and_what_is_lacking(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(QUICKBOOKS, encoding="utf-8")
    report = inspect_file(platform_in(tmp_path / "home", company_tins=TIN), path, None, None)
    assert report.problems == [
        "its columns fit no source. Nearest: erp_sales_register (it lacks Total Excluding Tax). Say which with "
        "--source, which tells more"
    ]
    report = inspect_file(platform_in(tmp_path / "home", company_tins=TIN), path, SOURCE, None)
    (problem,) = report.problems
    assert problem.startswith("list.csv, column 'Total Excluding Tax': the required columns Total Excluding Tax are")


def test_the_totals_of_every_column_that_is_summed_into_one_are_held_against_its_rows(tmp_path: Path) -> None:
    text = (
        "Invoice No,Invoice Date,Customer TIN,Subtotal,Service Tax,Sales Tax,Total\n"
        "INV-1,05/03/2025,C11122233340,100.00,6.00,5.00,111.00\nINV-2,17/03/2025,C11122233340,200.00,12.00,10.00,222.00\n"
        "Total,,,300.00,18.00,99.00,333.00\n"
    )
    profile = '[columns]\n"Service Tax" = "total_tax_amount"\n"Sales Tax" = "total_tax_amount"\n'
    load = loaded(tmp_path, text, profile)
    assert load.outcome == "failed"
    assert any("the total of 'Sales Tax' is 99" in problem for problem in load.problems), load.problems
