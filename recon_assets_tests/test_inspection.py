"""`recon inspect`: what is said of each kind of file, what is written and landed, and the exit codes 0 and 2."""

import io
import json
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recon_assets.cli import main
from recon_assets_tests.einvoices.test_wrapped_documents import envelope
from recon_assets_tests.landed import bss_line, delimited, json_invoice, json_item, land, nce_line, platform_in
from recon_assets_tests.reliability.homes import at_home
from recon_assets_tests.usage.zone import COST, USAGE, cost_row, usage_row

REGISTER = (
    "Sales listing\nBuyer TIN,Supplier TIN,Invoice No,Date,Total Excl. Tax,Tax,Total Incl. Tax\n"
    "C2,C1,INV-1,31/03/2025,100.00,6.00,106.00\nC2,C1,CN-1,14/03/2025,(50.00),(3.00),(53.00)\nTotal,,,,50.00,3.00,53.00\n"
)
LINES = "Buyer TIN,Supplier TIN,Invoice No,Invoice Date,Total Excl. Tax,Total Incl. Tax\n" + "".join(
    f"C2,C1,INV-1,2025-03-0{n},{n}.50,{n}.50\n".replace(f"-0{n}", "-05") for n in (1, 2)
)
Inspect = Callable[..., Result]


@pytest.fixture
def inspect(tmp_path: Path) -> Inspect:
    """`recon inspect` of a file with this name and content."""
    platform = platform_in(tmp_path / "home")

    def run(name: str, content: bytes | str, *options: str) -> Result:
        land(tmp_path, name, content)
        with at_home(platform):
            return CliRunner().invoke(main, ["inspect", str(tmp_path / name), *options], env={"COLUMNS": "200"})

    return run


FILES: dict[str, tuple[str, bytes | str, str, str]] = {
    "register": ("sales.csv", REGISTER, "erp_sales_register", "erp/sales_register/2025-03/sales.csv"),
    "billing platform": (
        "items.csv", delimited([bss_line()], list(bss_line())), "bss_invoices", "bss/invoices/2025-01/items.csv",
    ),
    "page of the billing platform": (
        "page.json", json.dumps({"data": [json_invoice(json_item())]}), "bss_invoices", "bss/invoices/2025-01/page.json",
    ),
    "reconciliation file": (
        "recon.csv", delimited([nce_line()], list(nce_line())), "ms_recon_nce",
        "partner_center/reconciliation/2025-01/nce/recon.csv",
    ),
    "billed usage": (
        "usage.csv", f"{USAGE}\n{usage_row('5')}\n", "azure_invoice_usage", "partner_center/billed_usage/2025-03/usage.csv",
    ),
    "cost export": (
        "cost.csv", f"{COST}\n{cost_row('5')}\n", "azure_cost_export", "cost_management/actual_cost/2025-03/cost.csv",
    ),
    "e-invoices": (
        "all.json", json.dumps([envelope("A"), envelope("B")]), "einvoices", "einvoice/issued/2025-01/all.json",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "source", "place"), FILES.values(), ids=FILES)
def test_a_file_is_told_by_what_it_holds(
    inspect: Inspect, name: str, content: bytes | str, source: str, place: str
) -> None:
    result = inspect(name, content)
    assert result.exit_code == 0, result.output
    month = next(part for part in place.split("/") if part.startswith("2025"))
    assert f"taken for {source} (its columns are those of that source), month {month}" in result.output
    assert f"belongs at {place}" in result.output and "rows, 0 rejected" in result.output


def test_headings_dialects_totals_and_what_is_ignored_are_told(inspect: Inspect) -> None:
    told = inspect("sales.csv", REGISTER).output
    for line in (
        "2 rows, 0 rejected, heading in row 2", "Invoice No -> document_number", "ignored as title: 1",
        "ignored as subtotal: 1", "row 5, total of Total Incl. Tax: 53.00, agrees",
        "document_date: day_first (days over 12, as 31/03/2025)", "total_including_tax: decimal . (106.00)",
        "warning payable_derived: 2", "first rows as they will be loaded",
    ):  # fmt: skip
        assert line in told, told


def test_a_file_that_is_not_readable_is_told_with_the_reason_and_exit_code_2(inspect: Inspect) -> None:
    unknown, wrong = inspect("x.csv", "a,b\n1,2\n"), inspect("sales.csv", REGISTER.replace("53.00\n", "99.00\n"))
    assert (unknown.exit_code, wrong.exit_code) == (2, 2)
    assert "its columns fit no source" in unknown.output and "--source" in unknown.output
    assert "not readable" in wrong.output and "the total of 'Total Incl. Tax' is 99.00" in wrong.output


def test_a_profile_is_written_and_the_file_lands_where_it_belongs(inspect: Inspect, tmp_path: Path) -> None:
    refused = inspect("sales.csv", LINES, "--source", "erp_sales_register")
    assert refused.exit_code == 2 and 'level = "line"' in refused.output
    done = inspect("sales.csv", LINES, "--source", "erp_sales_register", "--write-profile", "lines", "--land")
    assert done.exit_code == 0, done.output
    landing = tmp_path / "home" / "landing"
    assert 'level = "line"' in (landing / "profiles/lines.toml").read_text(encoding="utf-8")
    assert (landing / "erp/sales_register/2025-03/sales.csv").read_text(encoding="utf-8") == LINES


def test_a_file_that_repeats_a_landed_one_is_told_with_its_name(inspect: Inspect) -> None:
    assert inspect("sales.csv", REGISTER, "--land").exit_code == 0
    _, heading, first, second, _ = REGISTER.splitlines()
    again = inspect("sales (1).csv", "\n".join([heading, second, first]))
    assert again.exit_code == 0 and "it repeats erp/sales_register/2025-03/sales.csv" in again.output


def test_nothing_is_loaded(inspect: Inspect, tmp_path: Path) -> None:
    inspect("sales.csv", REGISTER)
    assert not list((tmp_path / "home" / "landing").rglob("*.*")) and not (tmp_path / "home" / "raw").exists()


def dated(*days: str) -> str:
    rows = [f"C2,C1,INV-{n},{day},100.00,6.00,106.00" for n, day in enumerate(days)]
    return (
        "\n".join(["Buyer TIN,Supplier TIN,Invoice No,Invoice Date,Total Excl. Tax,Tax,Total Incl. Tax", *rows]) + "\n"
    )


def test_a_cost_export_that_a_spreadsheet_wrote_with_the_day_first_asks_for_its_month(inspect: Inspect) -> None:
    rows = "\n".join(cost_row("5", day=f"0{day}/03/2025") for day in (1, 2, 3))
    result = inspect("cost.csv", f"{COST}\n{rows}\n")
    assert result.exit_code == 2 and "day first its rows are of 2025-03 (3)" in result.output, result.output


def test_a_zip_is_told_by_its_members(inspect: Inspect) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("part1.csv", delimited([nce_line()], list(nce_line())))
    result = inspect("download.zip", packed.getvalue())
    assert result.exit_code == 0, result.output
    assert "taken for ms_recon_nce" in result.output and "month 2025-01" in result.output


SALES = ("--source", "erp_sales_register")


@pytest.mark.parametrize(
    ("days", "month"),
    [
        (("05/03/2025", "13/03/2025"), "2025-03"),  # a day over 12
        (("05/03/2025", "07/03/2025"), "2025-03"),  # the day first puts all into one month
        (("03/05/2025", "03/07/2025"), "2025-03"),  # the month first does
        (("03/03/2025",), "2025-03"),  # either way
    ],
)
def test_the_month_is_told_by_dates_that_leave_no_doubt(inspect: Inspect, days: tuple[str, ...], month: str) -> None:
    result = inspect("sales.csv", dated(*days), *SALES)
    assert result.exit_code == 0 and f"month {month}" in result.output, result.output


def test_a_month_that_only_a_guess_would_give_is_not_landed(inspect: Inspect, tmp_path: Path) -> None:
    for days in (("05/03/2025",), ("05/03/2025", "06/04/2025")):
        result = inspect("sales.csv", dated(*days), *SALES, "--land")
        assert result.exit_code == 2 and "Say which month it is with --month" in result.output
        assert "day first its rows are of 2025-03 (1)" in result.output
        assert "month first its rows are of 2025-05 (1)" in result.output
    guessed = inspect("sales.csv", dated("05/03/2025"), *SALES, "--land", "--write-profile", "told")
    assert guessed.exit_code == 2 and '# date_order = "day_first"' in guessed.output
    landing = tmp_path / "home" / "landing"
    assert not (landing / "erp").exists()
    told = inspect("sales.csv", dated("05/03/2025"), *SALES, "--land", "--month", "2025-05")
    assert told.exit_code == 0 and (landing / "erp/sales_register/2025-05/sales.csv").exists(), told.output


def test_a_profile_begins_even_where_nothing_tells_what_it_says(inspect: Inspect, tmp_path: Path) -> None:
    landing = tmp_path / "home" / "landing"
    landing.rmdir()
    content = "Xyz,Invoice No,Invoice Date,Customer TIN\n1.00,INV-1,13/03/2025,C2\n"
    result = inspect("sales.csv", content, *SALES, "--write-profile", "begun")
    assert result.exit_code == 2
    text = (landing / "profiles/begun.toml").read_text(encoding="utf-8")
    assert "# Headings that nothing reads: Xyz." in text and '# "<heading>" = "total_including_tax"' in text
    assert tomllib.loads(text)["match"] == ["erp/sales_register/*/sales.csv"]
    readable = inspect("sales.csv", dated("13/03/2025"), *SALES, "--write-profile", "more")
    assert readable.exit_code == 0 and '# "<heading>" = "total_payable_amount"' in readable.output
    (landing / "profiles/begun.toml").write_text('match = ["erp/elsewhere/*"]\n', encoding="utf-8")
    again = inspect("sales.csv", content, *SALES, "--write-profile", "begun")
    assert again.exit_code == 2 and "is there already with other content" in str(again.output) + str(again.exception)


def test_a_written_profile_takes_no_due_date_for_the_date_and_guesses_at_nothing_that_shares_no_word(
    inspect: Inspect, tmp_path: Path
) -> None:
    rows = "C2,C1,INV-1,2025-03-13 10:00:00,2025-04-12 10:00:00,100.00,6.00,106.00\n"
    heading = "Buyer TIN,Supplier TIN,Invoice No,Date (UTC),Due Date (UTC),Total Excl. Tax,Tax,Total Incl. Tax\n"
    result = inspect("sales.csv", heading + rows, *SALES, "--write-profile", "dated")
    assert result.exit_code == 0 and "month 2025-03" in result.output, result.output
    written = tmp_path / "home" / "landing" / "profiles"
    assert tomllib.loads((written / "dated.toml").read_text())["columns"] == {"Date (UTC)": "document_date"}
    other = heading.replace("Date (UTC)", "Date", 1).replace("Buyer TIN", "Description").replace("Excl. Tax", "Type")
    inspect("other.csv", other + rows, *SALES, "--write-profile", "other")
    assert not tomllib.loads((written / "other.toml").read_text())["columns"]
