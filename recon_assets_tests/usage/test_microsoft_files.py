"""Microsoft's files by themselves: where exports, reruns and reconciliation files land, and what is set aside."""

import gzip
import io
import json
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FolderStore
from recon_assets.sources.loading import Load
from recon_assets.status import overview
from recon_assets_tests.landed import delimited, land, legacy_line, nce_line, platform_in, table_rows
from recon_assets_tests.usage.test_months import AS_OF, built
from recon_assets_tests.usage.zone import COST, MONTH, USAGE, Zone, cost_row, usage_row
from recon_assets_tests.wild.folders import land_case

TOTAL = Decimal("15.623456")
RECONCILIATION = "partner_center/reconciliation"


@pytest.fixture
def case(zone: Zone, request: pytest.FixtureRequest) -> Zone:
    land_case("microsoft", request.param, zone.platform.settings.landing)
    return zone


def files_of(load: Load) -> dict[str, LoadedFile]:
    assert load.raw_month is not None, load.problems
    return {file.path: file for file in load.raw_month.files}


def total(zone: Zone, source: str, month: str) -> Decimal:
    column = "cost" if source == "azure_cost_export" else "billing_pre_tax_total"
    return sum((row[0] for row in zone.rows(zone.load(source, month), column)), Decimal(0))


@pytest.mark.parametrize(
    ("case", "months"),
    [
        ("c01_double_bom", ["2024-01"]),
        ("c02_underscore_manifest", ["2024-02"]),
        ("c03_unpartitioned_export", ["2024-03"]),
        ("c06_three_month_export", ["2024-06", "2024-07", "2024-08"]),
    ],
    indirect=["case"],
)
def test_both_sides_of_an_export_add_up_to_the_same(case: Zone, months: list[str]) -> None:
    for month in months:
        assert total(case, "azure_cost_export", month) == total(case, "azure_invoice_usage", month) == TOTAL


@pytest.mark.parametrize("case", ["c03_unpartitioned_export"], indirect=True)
def test_the_kind_of_an_export_that_nothing_tells_is_assumed_with_a_warning(case: Zone) -> None:
    (file,) = files_of(case.load(month="2024-03")).values()
    assert file.warnings == {"kind_assumed": 3}


@pytest.mark.parametrize("case", ["c04_shorter_rerun"], indirect=True)
def test_variations_on_days_that_a_newer_run_lacks_are_a_partial_export(case: Zone) -> None:
    build = built(case, ["2024-04"], AS_OF)
    warnings = [w for file in files_of(case.load(month="2024-04")).values() for w in file.warnings]
    (warning,) = warnings
    assert "20240401-20240405" in warning and "20240401-20240430" in warning and warning.endswith("has: 2024-04-05")
    with duckdb.connect(str(build.database), read_only=True) as connection:
        grid = connection.execute("select status, explanation from marts.usage_cost_reconciliation").fetchall()
        days = connection.execute(
            "select day(usage_date), explanation from marts.usage_cost_variations order by all"
        ).fetchall()
    assert grid == [("mismatched", "partial_export")]
    assert days == [(3, None), (4, None), (5, "partial_export")]


def test_a_variation_on_other_days_as_well_is_no_partial_export(zone: Zone) -> None:
    days = [f"{MONTH}-0{n}" for n in (1, 2)]
    zone.run("a/run1", "2025-04-01T00:00:00Z", [cost_row("5", day=day) for day in days])
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("4", day=days[0])])
    rows = [usage_row("5", day=day) for day in days]
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join([USAGE, *rows]))
    build = built(zone, [MONTH], AS_OF)
    with duckdb.connect(str(build.database), read_only=True) as connection:
        (found,) = connection.execute("select explanation from marts.usage_cost_reconciliation").fetchall()
    assert found == ("unexplained",)


def test_a_newer_run_that_holds_every_day_is_no_shorter_one(zone: Zone) -> None:
    zone.run("a/run1", "2025-04-01T00:00:00Z", [cost_row("500000"), cost_row("5")])
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("4")])
    files = files_of(zone.load())
    assert [w for file in files.values() for w in file.warnings] == []
    aside = {path: file.set_aside for path, file in files.items() if file.set_aside}
    assert set(aside) == {f"cost_management/a/run1/{name}" for name in ("manifest.json", "part.csv")}
    assert set(aside.values()) == {"older run: cost_management/a/run2/manifest.json was submitted later"}


@pytest.mark.parametrize("case", ["c09_graph_recon_in_usage"], indirect=True)
def test_reconciliation_lines_among_usage_are_refused_with_where_they_belong(case: Zone) -> None:
    (problem,) = case.load("azure_invoice_usage", "2025-06").problems
    assert "holds reconciliation lines" in problem and "partner_center/reconciliation/<month>/nce/" in problem


def test_a_reconciliation_file_among_usage_is_refused_likewise(zone: Zone) -> None:
    zone.put(f"partner_center/billed_usage/{MONTH}/r.csv", delimited([nce_line()], list(nce_line())))
    assert "holds reconciliation lines" in zone.load("azure_invoice_usage").problems[0]


@pytest.mark.parametrize("case", ["c10_aggregated"], indirect=True)
def test_aggregated_usage_is_set_aside_while_the_daily_usage_loads(case: Zone) -> None:
    assert total(case, "azure_invoice_usage", "2025-05") == TOTAL
    files = files_of(case.load("azure_invoice_usage", "2025-05"))
    (aside,) = (file for path, file in files.items() if path.endswith("Aggregated.csv"))
    assert aside.rows == 0 and (aside.set_aside or "").startswith("aggregated billed usage")


@pytest.mark.parametrize("case", ["c11_manifest_plus_portal_csv"], indirect=True)
def test_an_invoice_without_a_manifest_loads_beside_one_that_has_one(case: Zone) -> None:
    found = case.rows(case.load("azure_invoice_usage", "2024-08"), "invoice_number")
    assert Counter(invoice for (invoice,) in found) == {"GAAA": 3, "GBBB": 3}


def test_of_a_loose_file_only_the_invoices_without_a_manifest_count(zone: Zone) -> None:
    base = f"partner_center/billed_usage/{MONTH}"
    record = dict(zip(USAGE.split(","), usage_row("3", invoice="GAAA").split(","), strict=True))
    zone.put(f"{base}/GAAA/part.json", json.dumps(record))
    manifest = {"createdDateTime": "2025-04-01T00:00:00Z", "blobs": [{"name": "part.json"}]}
    zone.put(f"{base}/GAAA/manifest.json", json.dumps(manifest))
    rows = [usage_row("3", invoice="gaaa"), usage_row("4", invoice="GBBB")]
    zone.put(f"{base}/all.csv", "\n".join([USAGE, *rows]))
    zone.put(f"{base}/gaaa/old.csv", "\n".join([USAGE, rows[0]]))
    load = zone.load("azure_invoice_usage")
    assert sorted(zone.rows(load, "invoice_number, billing_pre_tax_total")) == [("GAAA", 3), ("GBBB", 4)]
    files = files_of(load)
    assert files[f"{base}/all.csv"].ignored == {"has_manifest": 1}
    assert (files[f"{base}/gaaa/old.csv"].set_aside or "").startswith("its invoice has a manifest: ")


@pytest.mark.parametrize("case", ["c14_wrong_month_folder"], indirect=True)
def test_usage_in_the_folder_of_another_month_is_refused_with_its_month(case: Zone) -> None:
    (problem,) = case.load("azure_invoice_usage", "2024-05").problems
    assert "G202404_BilledUsage_c000.csv: every row is dated outside 2024-05: they belong to 2024-04" in problem


def test_a_cost_export_written_with_the_day_first_is_refused_though_some_days_lie_in_the_month(zone: Zone) -> None:
    rows = [cost_row("1", day=f"0{day}/03/2025") for day in (1, 2, 3)]
    zone.put(f"cost_management/actual_cost/{MONTH}/part.csv", "\n".join([COST, *rows]))
    (problem,) = zone.load().problems
    assert "2 of 3 rows are dated outside 2025-03: they belong to 2025-01, 2025-02" in problem
    assert 'date_order = "day_first"' in problem


def test_some_rows_outside_the_month_are_a_warning_with_their_amounts(zone: Zone) -> None:
    zone.run("a/run", "2025-04-01T00:00:00Z", [cost_row("1"), cost_row("2.5", day="2025-02-28")])
    part = files_of(zone.load())["cost_management/a/run/part.csv"]
    assert (part.rows, part.warnings) == (2, {"date_outside_month": 1})
    assert {currency: Decimal(amount) for currency, amount in part.outside_month.items()} == {"USD": Decimal("2.5")}


def put_unpartitioned(zone: Zone, folder: str, name: str, *rows: str) -> str:
    path = f"cost_management/{folder}/{name}.csv"
    zone.put(path, "\n".join([COST, *rows]))
    return path


def test_of_several_files_without_a_manifest_the_one_that_reaches_furthest_counts(zone: Zone) -> None:
    """The latest day decides before the number of rows, and that before the time."""
    folder = "exports/daily/20250301-20250331"
    first = put_unpartitioned(zone, folder, "daily_1", *[cost_row("1")] * 9)
    last = put_unpartitioned(zone, folder, "daily_2", cost_row("1"), cost_row("2", day=f"{MONTH}-02"))
    load = zone.load()
    assert sorted(zone.rows(load, "cost")) == [(Decimal(1),), (Decimal(2),)]
    assert files_of(load)[first].set_aside == f"older run: {last} counts"
    more = put_unpartitioned(zone, folder, "daily_0", *[cost_row("1", day=f"{MONTH}-02")] * 3)
    assert files_of(zone.load())[last].set_aside == f"older run: {more} counts"


def test_ranges_of_one_export_that_do_not_overlap_add_up_and_other_exports_too(zone: Zone) -> None:
    put_unpartitioned(zone, "daily/20250301-20250315", "a", cost_row("1"))
    put_unpartitioned(zone, "daily/20250316-20250331", "b", cost_row("2", day=f"{MONTH}-20"))
    put_unpartitioned(zone, "other/20250301-20250331", "c", cost_row("4", "s2"))
    assert sorted(zone.rows(zone.load(), "cost")) == [(Decimal(1),), (Decimal(2),), (Decimal(4),)]


def test_a_range_that_holds_a_manifest_has_no_other_files(zone: Zone) -> None:
    zone.run("daily/20250301-20250331/run", "2025-04-01T00:00:00Z", [cost_row("1")])
    put_unpartitioned(zone, "daily/20250301-20250331", "copy", cost_row("2"))
    assert zone.rows(zone.load(), "cost") == [(Decimal(1),)]


def test_a_range_over_months_serves_each_with_its_own_days(zone: Zone) -> None:
    put_unpartitioned(zone, "q/20250201-20250331", "q", cost_row("1", day="2025-02-03"), cost_row("2"))
    assert zone.rows(zone.load(month="2025-02"), "cost") == [(Decimal(1),)]
    assert zone.rows(zone.load(), "cost") == [(Decimal(2),)]


def test_focus_columns_tell_the_kind_of_an_export_without_a_manifest(zone: Zone) -> None:
    header = "BilledCost,SubAccountId,ChargePeriodStart,x_SkuMeterId,ChargeCategory,PricingQuantity,BillingCurrency"
    row = f"3,/subscriptions/s1,{MONTH}-01T00:00:00Z,m1,Usage,1,USD"
    zone.put("cost_management/f/20250301-20250331/f.csv", f"{header}\n{row}")
    load = zone.load()
    assert zone.rows(load, "comparison, cost") == [("focus", Decimal(3))]
    assert all("kind_assumed" not in file.warnings for file in files_of(load).values())


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


NCE = delimited([nce_line()], list(nce_line()))
LEGACY = delimited([legacy_line()], list(legacy_line()))
LINES = (json.dumps(nce_line(ReferenceId="x")) + "\n").encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("2025-01/nce/G000123 Invoice Recon (1).csv", NCE),
        ("2025-01/nce/G1/deeper/recon.csv.gz", gzip.compress(NCE)),
        ("2025-01/NCE/recon.csv", delimited([nce_line()], list(nce_line()), encoding="utf-16")),
        ("2025-01/G202301001_InvoiceRecon_c000.csv", NCE),
        ("2025-01/recon.json.gz", gzip.compress(LINES)),
        ("2025-01/recon.jsonl", LINES),
        ("2025-01/parts put together.jsonl", b"\n\xef\xbb\xbf" + LINES),
        ("2025-01/recon.zip", zipped({"January/recon.csv": NCE, "readme.txt": b"x"})),
        ("FEBRUARY2025_MSRECON_NCE.json", LINES),
        ("february2025_msrecon_nce (2).zip", zipped({"a.json": LINES})),
    ],
)
def test_reconciliation_files_keep_the_name_that_partner_center_gave_them(
    tmp_path: Path, name: str, content: bytes
) -> None:
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"{RECONCILIATION}/{name}", b"").write_bytes(content)
    assert discover(platform.landing, "ms_recon_legacy") == {}
    load = platform.load("ms_recon_nce", "2025-01")
    assert load.outcome == "loaded", load.problems
    (row,) = table_rows(platform.raw, "ms_recon_nce", "2025-01")
    assert (row["subscription_id"], row["subtotal"]) == ("sub-1", Decimal(10))


def test_a_reference_that_is_json_is_kept_whole_as_text_or_as_a_value(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    reference = {"referenceType": "Promotion", "ids": ["P-1", "P-2"], "rate": 0.15}
    text = json.dumps(reference)
    lines = [nce_line(ReferenceId=text)]
    folder = f"{RECONCILIATION}/2025-01/nce"
    land(platform.settings.landing, f"{folder}/a.csv", delimited(lines, list(lines[0])))
    value = json.dumps(nce_line() | {"ReferenceId": reference, "Subtotal": "11"}) + "\n"
    land(platform.settings.landing, f"{folder}/b.jsonl", value.encode())
    assert platform.load("ms_recon_nce", "2025-01").outcome == "loaded"
    rows = table_rows(platform.raw, "ms_recon_nce", "2025-01")
    found = [json.loads(row["reference_id"], parse_float=str) for row in rows]
    assert found == [reference | {"rate": "0.15"}] * 2


def test_legacy_files_are_known_by_their_folder_or_their_columns(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    for name in ("legacy/a.csv", "License-based (2).csv"):
        land(platform.settings.landing, f"{RECONCILIATION}/2025-01/{name}", LEGACY)
    assert discover(platform.landing, "ms_recon_nce") == {}
    assert len(discover(platform.landing, "ms_recon_legacy")["2025-01"]) == 2


def test_a_graph_export_of_reconciliation_lines_is_read_by_its_newest_manifest(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    base = f"{RECONCILIATION}/2025-01/nce/G1"
    for day, subtotal in (("01", "9"), ("02", "10")):
        land(platform.settings.landing, f"{base}/{day}/part-0.json.gz", json.dumps(nce_line(Subtotal=subtotal)))
        manifest: dict[str, Any] = {
            "createdDateTime": f"2025-02-{day}T00:00:00Z", "blobCount": 1, "blobs": [{"name": "part-0.json.gz"}],
            "rootDirectory": "https://x/InvoiceId=G1/y",
        }  # fmt: skip
        land(platform.settings.landing, f"{base}/{day}/manifest.json", json.dumps(manifest))
    load = platform.load("ms_recon_nce", "2025-01")
    (row,) = table_rows(platform.raw, "ms_recon_nce", "2025-01")
    assert row["subtotal"] == Decimal(10)
    assert (files_of(load)[f"{base}/01/part-0.json.gz"].set_aside or "").startswith("older run: ")


@pytest.mark.parametrize(("case", "month"), [("s04_graph_recon_jsonl", "2023-07"), ("s05_zip", "2024-01")])
def test_json_lines_and_zips_named_by_month_are_read(tmp_path: Path, case: str, month: str) -> None:
    platform = platform_in(tmp_path)
    land_case("microsoft", case, platform.settings.landing)
    platform.load("ms_recon_nce", month)
    (row,) = table_rows(platform.raw, "ms_recon_nce", month)
    assert (row["subtotal"], f"{row['charge_start_date']:%Y-%m-%d}") == (Decimal(100), f"{month}-01")


def test_a_zip_without_a_reconciliation_file_is_refused_by_its_members(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    content = zipped({"a.pdf": b"x", "b.xlsx": b"x"})
    land(platform.settings.landing, f"{RECONCILIATION}/2025-01/nce/a.zip", b"").write_bytes(content)
    (problem,) = platform.load("ms_recon_nce", "2025-01").problems
    assert "holds no CSV or JSON file that is read, but a.pdf, b.xlsx" in problem


def test_the_name_of_partner_center_tells_no_month(tmp_path: Path) -> None:
    land_case("microsoft", "s03_portal_name", tmp_path)
    assert discover(FolderStore(tmp_path), "ms_recon_nce") == {}


def test_documents_all_dated_outside_their_month_are_refused_when_there_are_three(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    header = "Supplier TIN,Buyer TIN,Document Number,Document Type,Document Date,Currency,Total Excl. Tax,Tax Amount,Total Incl. Tax,Payable Amount"
    rows = [f"C1,C2,I{n},01,2025-02-0{n},MYR,1,0,1,1" for n in (1, 2, 3)]
    path = "erp/sales_register/2025-01/r.csv"
    land(platform.settings.landing, path, "\n".join([header, *rows]))
    (problem,) = platform.load("erp_sales_register", "2025-01").problems
    assert "every row is dated outside 2025-01: they belong to 2025-02" in problem
    assert problem.endswith(f"({path})")
    land(platform.settings.landing, path, "\n".join([header, *rows[:2]]))
    assert files_of(platform.load("erp_sales_register", "2025-01"))[path].outside_month == {"MYR": "2.000000000000"}


def test_a_name_of_another_month_than_the_folder_is_a_warning_that_names_both(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    for name in ("MARCH2025_MSRECON_NCE.csv", "FEBRUARY2025_MSRECON_NCE_2.csv"):
        line = nce_line(SubscriptionId=name, ChargeStartDate="2025-01-01", ChargeEndDate="2025-01-31")
        land(platform.settings.landing, f"{RECONCILIATION}/2025-01/nce/{name}", delimited([line], list(line)))
    files = files_of(platform.load("ms_recon_nce", "2025-01"))
    assert [file.warned for file in files.values()] == [[], ["by its name it holds 2025-02, its folder is 2025-01: 1"]]
    (month,) = overview(platform).months
    assert month.warned == [
        f"{RECONCILIATION}/2025-01/nce/MARCH2025_MSRECON_NCE.csv: by its name it holds 2025-02, its folder is 2025-01: 1"
    ]
    told = table_rows(platform.raw, "ms_recon_nce", "2025-01", "intake")
    assert [row["warnings"] for row in told] == [None, "by its name it holds 2025-02, its folder is 2025-01: 1"]
