"""Files of Microsoft and of the billing platform as people have them: what each loads as."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.landing.unread import unread_files
from recon_assets.platform import Platform
from recon_assets_tests.landed import platform_in, table_rows

FOLDER = Path(__file__).parent / "microsoft"


@pytest.fixture
def landed(tmp_path: Path, request: pytest.FixtureRequest) -> Platform:
    """A platform whose landing zone is a case."""
    shutil.copytree(FOLDER / request.param / "landing", tmp_path / "landing")
    return platform_in(tmp_path)


@pytest.mark.parametrize("landed", ["s01_powershell_dates"], indirect=True)
def test_dates_with_a_12_hour_clock_are_their_days(landed: Platform) -> None:
    assert landed.load("ms_recon_nce", "2022-07").outcome == "loaded"
    (row,) = table_rows(landed.raw, "ms_recon_nce", "2022-07")
    assert (row["charge_start_date"], row["charge_end_date"]) == (dt.date(2022, 7, 1), dt.date(2022, 7, 31))


@pytest.mark.parametrize("landed", ["s01_powershell_dates"], indirect=True)
def test_the_type_line_and_titles_above_a_heading_are_no_records(landed: Platform) -> None:
    (path,) = landed.settings.landing.glob("partner_center/reconciliation/*")
    path.write_text("#TYPE Selected.Object\nExport of July\n" + path.read_text())
    assert landed.load("ms_recon_nce", "2022-07").outcome == "loaded"
    assert [row["source_line"] for row in table_rows(landed.raw, "ms_recon_nce", "2022-07")] == [4]


@pytest.mark.parametrize("landed", ["s03_portal_name"], indirect=True)
def test_a_name_of_the_portal_is_told_with_where_it_would_be_read(landed: Platform) -> None:
    found = [unread for unread in unread_files(landed.landing) if "InvoiceRecon" in unread.path]
    assert (len(found) == 1 and "MSRECON_NCE" in str(found[0])) or "/nce/" in str(found[0])


@pytest.mark.parametrize("landed", ["s06_redownload_nce"], indirect=True)
def test_a_file_downloaded_again_in_another_order_is_set_aside(landed: Platform) -> None:
    load = landed.load("ms_recon_nce", "2024-07")
    assert load.raw_month is not None
    assert sum(row["subtotal"] for row in table_rows(landed.raw, "ms_recon_nce", "2024-07")) == Decimal(150)
    aside = {f.path: t.set_aside for f in load.raw_month.files for t in f.tables if t.set_aside}
    folder = "partner_center/reconciliation/AUGUST2024_MSRECON_NCE"
    assert aside == {f"{folder} (1).csv": f"repeats {folder}.csv"}


@pytest.mark.parametrize("landed", ["s11_two_reseller_columns"], indirect=True)
def test_of_two_headings_for_one_column_the_second_is_named(landed: Platform) -> None:
    load = landed.load("ms_recon_nce", "2024-02")
    assert load.raw_month is not None, load.problems
    assert "'ResellerMpnId' fits tier2_mpn_id too and was not read" in load.raw_month.files[0].tables[0].notes
    assert load.raw_month.files[0].extra_columns == ["ResellerMpnId"]


@pytest.mark.parametrize("landed", ["s12_bss_day_first"], indirect=True)
def test_dates_that_nothing_decides_are_refused_with_what_to_say(landed: Platform) -> None:
    refused = landed.load("bss_invoices", "2024-05")
    assert refused.outcome == "failed" and "day first or month first" in refused.problems[0]
    profile = landed.settings.landing / "profiles" / "bss.toml"
    profile.parent.mkdir()
    profile.write_text('match = ["bss/*"]\ndate_order = "day_first"\n')
    assert landed.load("bss_invoices", "2024-05").outcome == "loaded"
    (row,) = table_rows(landed.raw, "bss_invoices", "2024-05")
    assert (row["start_date"], row["end_date"]) == (dt.date(2024, 3, 5), dt.date(2025, 3, 4))


@pytest.mark.parametrize("landed", ["s12_bss_day_first"], indirect=True)
def test_a_total_below_the_lines_of_the_billing_platform_is_no_line(landed: Platform) -> None:
    (path,) = landed.settings.landing.glob("bss/invoices/*/*.csv")
    text = path.read_text().replace("05/05/2024", "2024-05-05").replace("05/03/2024", "2024-03-05")
    path.write_text(text.replace("04/03/2025", "2025-03-04").rstrip() + "\nTotal,,,,,,,,,,,,,1,,100,,,,\n")
    load = landed.load("bss_invoices", "2024-05")
    assert load.raw_month is not None, load.problems
    assert load.raw_month.rows == 1 and load.raw_month.files[0].tables[0].ignored == {"subtotal": 1}


@pytest.mark.parametrize("landed", ["c16_german_comma_in_comma_csv"], indirect=True)
def test_decimal_commas_in_quotes_are_read(landed: Platform) -> None:
    load = landed.load("azure_cost_export", "2025-08")
    assert load.outcome == "loaded", load.problems
    costs = sorted(row["cost"] for row in table_rows(landed.raw, "azure_cost_export", "2025-08"))
    assert Decimal("10") in costs and Decimal("5.5") in costs
