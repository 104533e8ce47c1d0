"""Profiles of every source: what they say counts, or the file is refused with the reason."""

from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.sources.loading import Load
from recon_assets_tests.landed import bss_line, delimited, land, nce_line, platform_in, table_rows
from recon_assets_tests.usage.zone import COST, USAGE, cost_row, usage_row

MONTH = "2025-01"
BSS, NCE = f"bss/invoices/{MONTH}/a.csv", f"partner_center/reconciliation/{MONTH}/nce/a.csv"
ACTUAL = f"cost_management/actual_cost/{MONTH}/a.csv"
DAILY = "cost_management/daily/20250101-20250131/a.csv"


def load(home: Path, source: str, path: str, content: bytes | str, profile: str) -> Load:
    platform = platform_in(home)
    land(platform.settings.landing, path, content)
    land(platform.settings.landing, "profiles/told.toml", f'match = ["{path}"]\n{profile}')
    return platform.load(source, MONTH)


def rows(home: Path, source: str) -> list[dict[str, object]]:
    return table_rows(platform_in(home).raw, source, MONTH)


def test_headings_constants_and_rows_to_skip_count_for_the_billing_platform(tmp_path: Path) -> None:
    line = {"Cost price": "10", **bss_line(Total_Cost="")}
    del line["Unit Cost"], line["Currency"]
    content = delimited([line, line | {"Invoice Code": "DRAFT-1"}], list(line))
    profile = 'skip = ["^DRAFT"]\n[columns]\n"Cost price" = "unit_cost"\n[constants]\ncurrency = "USD"\n'
    loaded = load(tmp_path, "bss_invoices", BSS, content, profile)
    assert loaded.raw_month is not None, loaded.problems
    (row,) = rows(tmp_path, "bss_invoices")
    assert (row["unit_cost"], row["currency"]) == (Decimal(10), "USD")
    assert loaded.raw_month.files[0].ignored == {"skipped": 1}


def test_the_order_of_dates_and_the_decimal_mark_count_for_microsofts_files(tmp_path: Path) -> None:
    line = nce_line(ChargeStartDate="01/02/2025", ChargeEndDate="05/02/2025", Subtotal="1,234")
    profile = 'date_order = "day_first"\ndecimal_mark = ","\n'
    assert load(tmp_path, "ms_recon_nce", NCE, delimited([line], list(line)), profile).outcome == "loaded"
    (row,) = rows(tmp_path, "ms_recon_nce")
    assert f"{row['charge_start_date']} {row['charge_end_date']}" == "2025-02-01 2025-02-05"
    assert row["subtotal"] == Decimal("1.234")


def test_two_columns_of_a_profile_are_summed(tmp_path: Path) -> None:
    line = nce_line(Subtotal="1") | {"Surcharge": "0.5"}
    profile = '[columns]\n"Subtotal" = "subtotal"\n"Surcharge" = "subtotal"\n'
    assert load(tmp_path, "ms_recon_nce", NCE, delimited([line], list(line)), profile).outcome == "loaded"
    assert [row["subtotal"] for row in rows(tmp_path, "ms_recon_nce")] == [Decimal("1.5")]


def test_the_kind_of_an_export_that_nothing_tells_is_that_of_its_profile(tmp_path: Path) -> None:
    content = "\n".join([COST, cost_row("5", day=f"{MONTH}-05")])
    profile = '[constants]\ncomparison = "amortized_cost"\n'
    loaded = load(tmp_path, "azure_cost_export", DAILY, content, profile)
    assert [row["comparison"] for row in rows(tmp_path, "azure_cost_export")] == ["amortized_cost"]
    assert loaded.raw_month is not None and not any(file.warnings for file in loaded.raw_month.files)


def test_the_column_that_dates_a_file_decides_what_lies_outside_its_month(tmp_path: Path) -> None:
    lines = [bss_line(Invoice_Date="2024-11-05", Invoice_Code=f"INV-{n}") for n in range(3)]
    content = delimited(lines, list(lines[0]))
    assert "belong to 2024-11" in load(tmp_path, "bss_invoices", BSS, content, "additive = true").problems[0]
    assert load(tmp_path, "bss_invoices", BSS, content, 'month_from = "start_date"').outcome == "loaded"


@pytest.mark.parametrize(
    ("source", "path", "content", "profile", "told"),
    [
        ("azure_cost_export", ACTUAL, "x", 'skip = ["x"]', "says skip, which usage and cost files do not take"),
        (
            "azure_cost_export", ACTUAL, "x", '[constants]\ncost = "1"',
            "says constants of cost, which usage and cost files do not take",
        ),
        ("bss_invoices", BSS, "x", 'level = "line"', "says level, which files of bss_invoices do not take"),
        (
            "bss_invoices", BSS.replace(".csv", ".json"), "{}", "heading_row = 2",
            "says heading_row, which documents and pages of an API do not take",
        ),
    ],
)  # fmt: skip
def test_what_a_file_cannot_take_is_refused(
    tmp_path: Path, source: str, path: str, content: str, profile: str, told: str
) -> None:
    (problem,) = load(tmp_path, source, path, content, profile).problems
    assert told in problem and path in problem and "profiles/told.toml" in problem


def test_a_profile_of_a_source_is_not_for_the_files_of_another(tmp_path: Path) -> None:
    """A pattern may be wide: the source that it names makes it narrow."""
    platform = platform_in(tmp_path)
    line = nce_line()
    land(platform.settings.landing, "partner_center/reconciliation/2025-01/nce/a.csv", delimited([line], list(line)))
    profile = 'match = ["*"]\nsource = "erp_sales_register"\n[document_types]\nGutschrift = "02"\n'
    land(platform.settings.landing, "profiles/register.toml", profile)
    load = platform.load("ms_recon_nce", "2025-01")
    assert load.raw_month is not None, load.problems
    assert [file.path.rsplit("/")[-1] for file in load.raw_month.files] == ["a.csv"]


def test_usage_that_writes_the_day_first_is_refused_with_what_to_say(tmp_path: Path) -> None:
    def loaded(*days: str, profile: str = "") -> Load:
        platform = platform_in(tmp_path / str(len(days)) / (profile and "told"))
        rows = "\n".join(usage_row("5").replace("03/01/2025", day) for day in days)
        land(platform.settings.landing, "partner_center/billed_usage/2025-03/u.csv", f"{USAGE}\n{rows}\n")
        if profile:
            land(platform.settings.landing, "profiles/told.toml", f'match = ["partner_center/*"]\n{profile}')
        return platform.load("azure_invoice_usage", "2025-03")

    (problem,) = loaded("05/03/2025", "06/03/2025").problems
    assert "they belong to 2025-05, 2025-06" in problem and 'date_order = "day_first"' in problem
    (rejected,) = loaded("03/03/2025", "31/03/2025", "30/03/2025").problems
    assert "'31/03/2025' is not a date" in rejected and 'date_order = "day_first" in a profile' in rejected
    assert "day_first" not in loaded("05/01/2025").problems[0]  # no reading puts them there
    assert loaded("05/03/2025", "31/03/2025", profile='date_order = "day_first"\n').outcome == "loaded"
