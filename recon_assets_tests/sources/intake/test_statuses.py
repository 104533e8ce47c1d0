"""A register's column of statuses: drafts and what was taken back are no documents (docs/decisions.md)."""

from pathlib import Path

import pytest

from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.sources.intake.words import document_status, flag
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import (
    bss_line,
    delimited,
    json_invoice,
    json_item,
    land,
    land_bss,
    land_pages,
    platform_in,
    table_rows,
)

SOURCE, MONTH = "erp_sales_register", "2025-03"
HEADINGS = "Invoice No,Invoice Date,Customer TIN,Currency,Subtotal,Tax,Total"


def loaded(home: Path, rows: list[str], profile: str = "", heading: str = "Status", total: str = "") -> Load:
    """A register whose documents INV-1, INV-2 ... of 108.00 each end in `rows`."""
    lines = [f"INV-{n},{12 + n}/03/2025,C11122233340,MYR,100.00,8.00,108.00,{row}" for n, row in enumerate(rows, 1)]
    text = "\n".join([f"{HEADINGS},{heading}", *lines, *([total] if total else [])]) + "\n"
    platform = platform_in(home, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.csv", text)
    if profile:
        land(platform.settings.landing, "profiles/told.toml", f'match = ["erp/*"]\n{profile}')
    return platform.load(SOURCE, MONTH)


def read(home: Path, *arguments: object, **more: object) -> tuple[list[str], LoadedFile]:
    """The numbers of the documents that count, and the file as it is recorded."""
    load = loaded(home, *arguments, **more)  # type: ignore[arg-type]
    assert load.raw_month is not None, load.problems
    file = next(file for file in load.raw_month.files if file.path.endswith("list.csv"))
    return [row["document_number"] for row in table_rows(platform_in(home).raw, SOURCE, MONTH)], file


def test_what_is_not_issued_is_ignored_and_told_with_column_words_rows_and_amounts(tmp_path: Path) -> None:
    numbers, file = read(tmp_path, ["Paid", "Draft", "VOID (entered twice)", "Draft", "Overdue by 3 days", ""])
    assert numbers == ["INV-1", "INV-5", "INV-6"]
    assert (file.rows, file.quarantined, file.ignored) == (3, 0, {"not_issued": 3})
    assert file.tables[0].bound["document_status"] == "Status" and file.extra_columns == []
    (told,) = [text for text in file.warned if text.startswith("not_issued")]
    assert told.startswith(
        "not_issued: 3 ('Status' is Draft in 2 rows (3, 5), 216.00 MYR; 'Status' is VOID (entered twice) in 1 row (4), "
        "108.00 MYR)"
    )
    assert '[statuses] "<word>" = "count"' in told


@pytest.mark.parametrize(
    ("heading", "values"),
    [
        ("Status", ("Open", "Cancelled")), ("State", ("posted", "cancel")), ("Doc. Status", ("Approved", "Rejected")),
        ("Invoice Status", ("Partially Paid", "Void")), ("Posting Status", ("Posted", "Unposted")),
        ("Cancelled", ("No", "Yes")), ("Canceled", ("N", "Y")), ("Is Void", ("F", "T")), ("Void", ("0", "1")),
        ("Void", ("", "Void")), ("Posted", ("Yes", "No")), ("Status Dokumen", ("Dibayar", "Dibatalkan")),
        ("Batal", ("Tidak", "Ya")), ("发票状态", ("已付款", "已作废")), ("狀態", ("正常", "草稿")), ("作废", ("否", "是")),
        ("Cancelled", ("FALSE", "TRUE")),
    ],
)  # fmt: skip
def test_columns_of_statuses_are_known_by_heading_and_by_values(
    tmp_path: Path, heading: str, values: tuple[str, str]
) -> None:
    numbers, file = read(tmp_path, list(values), heading=heading)
    assert numbers == ["INV-1"] and file.ignored == {"not_issued": 1}


@pytest.mark.parametrize(
    ("heading", "values"),
    [
        ("Status", ("1", "2")),  # numbers are no words
        ("State", ("Johor", "Selangor")),  # a part of an address
        ("Payment Status", ("Unpaid", "Void")),
        ("E-Invoice Status", ("Valid", "Cancelled")),
        ("Delivery Status", ("Sent", "Rejected")),
        ("Void", ("0", "150.00")),  # an amount
        ("Cancelled", ("", "")),
        ("Remarks", ("Draft", "Void")),
    ],
)
def test_other_columns_never_leave_anything_out(tmp_path: Path, heading: str, values: tuple[str, str]) -> None:
    numbers, file = read(tmp_path, list(values), heading=heading)
    assert numbers == ["INV-1", "INV-2"] and file.ignored == {}
    assert not {"not_issued", "unknown_status"} & file.warnings.keys()


def test_a_list_of_drafts_alone_has_no_document(tmp_path: Path) -> None:
    assert read(tmp_path, ["Draft", "Void"])[0] == []


def test_a_word_that_is_not_known_counts_and_is_named(tmp_path: Path) -> None:
    numbers, file = read(tmp_path, ["Paid", "Awaiting Approval", "Entwurf"])
    assert len(numbers) == 3 and file.warnings["unknown_status"] == 2
    (told,) = [text for text in file.warned if text.startswith("unknown_status")]
    assert "'Status' is Awaiting Approval in 1 row (3), 108.00 MYR; 'Status' is Entwurf" in told


def test_a_profile_says_which_words_count_and_which_do_not(tmp_path: Path) -> None:
    profile = '[statuses]\n"Draft" = "count"\n"Pro Forma" = "skip"\n'
    numbers, file = read(tmp_path, ["Paid", "Draft", "Pro forma"], profile)
    assert numbers == ["INV-1", "INV-2"] and "unknown_status" not in file.warnings


def test_a_profile_names_a_column_of_statuses_or_leaves_one_unread(tmp_path: Path) -> None:
    named = '[columns]\n"Stage" = "document_status"\n'
    assert read(tmp_path / "a", ["Paid", "Draft"], named, "Stage")[0] == ["INV-1"]
    assert read(tmp_path / "b", ["Paid", "Draft"], 'not_read = ["Status"]\n')[0] == ["INV-1", "INV-2"]
    flag_counts = '[statuses]\n"Cancelled" = "count"\n'
    assert read(tmp_path / "c", ["No", "Yes"], flag_counts, "Cancelled")[0] == ["INV-1", "INV-2"]
    (problem,) = loaded(tmp_path / "d", ["a", "b"], '[statuses]\n"Draft" = "skip"\n', "Remarks").problems
    assert "no column of the file holds statuses" in problem


def test_an_item_without_a_status_has_that_of_its_document(tmp_path: Path) -> None:
    rows = ["INV-1,13/03/2025,C11122233340,MYR,100,8,108,Paid", "INV-2,13/03/2025,C11122233340,MYR,100,8,108,Void",
            "INV-2,13/03/2025,C11122233340,MYR,50,4,54,"]  # fmt: skip
    platform = platform_in(tmp_path, company_tins="C20830570210")
    land(platform.settings.landing, f"erp/sales_register/{MONTH}/list.csv", "\n".join([f"{HEADINGS},Status", *rows]))
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.files[0].ignored == {"not_issued": 2}


@pytest.mark.parametrize(("total", "covers"), [("216.00", None), ("324.00", "rows left out by their status too")])
def test_a_total_may_count_what_is_not_issued_or_not_and_says_which(
    tmp_path: Path, total: str, covers: str | None
) -> None:
    _, file = read(tmp_path, ["Paid", "Void", "Paid"], total=f"Total,,,,,,{total},")
    (found,) = file.tables[0].control_totals
    assert (found["said"], found["summed"], found.get("covers")) == (total, total, covers)


def test_a_total_that_agrees_with_neither_fails_with_as_many_decimals_on_both_sides(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, ["Paid", "Void", "Paid"], total="Total,,,,,,217,").problems
    assert "the total of 'Total' is 217.00, its rows add up to 216.00" in problem


def test_words_of_statuses_are_compared_without_what_follows_them() -> None:
    assert document_status("Cancelled on 5 March") == document_status("VOID - twice") == "not_issued"
    assert document_status("Paid in full") == document_status("Overdue by 14 days") == "issued"
    assert document_status("Cancellation requested") is None and document_status("Not paid") == "issued"
    assert (flag("Yes"), flag("f"), flag("maybe")) == (True, False, None)


def test_invoices_of_the_platform_that_are_drafts_count_and_are_told_with_their_cost(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    lines = [bss_line(Invoice_Stage=stage, Qty="2") for stage in ("Sent", "Draft", "draft", "Cancelled")]
    path = land_bss(platform.settings.landing, "2025-01", lines)
    land_pages(platform.settings.landing, "2025-01", json_invoice(json_item(), status={"type": "Draft"}))
    load = platform.load("bss_invoices", "2025-01")
    assert load.raw_month is not None, load.problems
    files = {file.path: file for file in load.raw_month.files}
    assert all(file.rows == len(lines) for name, file in files.items() if name == path)
    assert files[path].warned == [
        "stage_not_issued: 2 (Draft: 1 lines, 20.00 MYR; draft: 1 lines, 20.00 MYR); they count as cost; to leave them "
        "out add the stage to RECON_CANCELED_STAGES"
    ]
    assert [file.warnings for name, file in files.items() if name != path] == [{"stage_not_issued": 1}]
    settled = platform_in(tmp_path / "b", canceled_stages=["draft", "cancelled"])
    land_bss(settled.settings.landing, "2025-01", lines)
    again = settled.load("bss_invoices", "2025-01")
    assert again.raw_month is not None and again.raw_month.files[0].warnings == {}


def test_types_of_invoices_of_the_platform_that_are_neither_debit_nor_credit_are_told_with_their_cost(
    tmp_path: Path,
) -> None:
    platform = platform_in(tmp_path)
    types = ("debit", "Credit note", "Tax Invoice", "", "Refund", "CN")
    land_bss(platform.settings.landing, "2025-01", [bss_line(Invoice_Type=word, Qty="2") for word in types])
    load = platform.load("bss_invoices", "2025-01")
    assert load.raw_month is not None, load.problems
    assert load.raw_month.files[0].warned == [
        "type_of_no_credit: 2 (CN: 1 lines, 20.00 MYR; Refund: 1 lines, 20.00 MYR); they count as debits; where they are "
        "credits, call them credit in the file"
    ]


def test_ids_of_the_platform_that_a_spreadsheet_made_numbers_of_are_told(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-01", [bss_line(MS_Subscription_ID="1.2E+15"), bss_line(Product="E+F")])
    load = platform.load("bss_invoices", "2025-01")
    assert load.raw_month is not None, load.problems
    (told,) = load.raw_month.files[0].warned
    assert told.startswith("looks_damaged: 1 ('MS Subscription ID' in rows 2)")


def test_costs_of_the_platform_whose_heading_names_another_currency_than_the_rows_are_told(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    content = delimited([bss_line(), bss_line(Currency="USD")], list(bss_line()))
    content = content.replace(b"Total Cost", b"Total Cost (USD)").replace(b"Final Amount", b"Final Amount (MYR)")
    land(platform.settings.landing, "bss/invoices/2025-01/a.csv", content)
    load = platform.load("bss_invoices", "2025-01")
    assert load.raw_month is not None, load.problems
    (told,) = load.raw_month.files[0].warned
    assert told.startswith("currency_differs: 1 (amounts in USD in rows 2)")
