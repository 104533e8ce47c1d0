"""Reading usage and cost files: which runs count, what is set aside, and the shared files of real systems."""

import datetime as dt
import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from recon_assets.catalogue.generated import DBT_PROJECT, generated_files
from recon_assets.landing import manifests
from recon_assets.landing.discovery import discover
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets.sources import blocks
from recon_assets.sources.loading import Load
from recon_assets_tests import headings
from recon_assets_tests.shared import official, shortened
from recon_assets_tests.usage.zone import COST, MONTH, USAGE, Zone, cost_row, usage_row


def test_of_two_runs_the_newest_submitted_wins_whole(zone: Zone) -> None:
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("5")])
    zone.run("a/run1", "2025-04-01T00:00:00Z", [cost_row("1"), cost_row("2")])
    load = zone.load()
    assert zone.rows(load, "cost") == [(Decimal(5),)]
    assert zone.rows(load, "has_older_run", "files") == [(True,)]


def test_different_exports_add_up(zone: Zone) -> None:
    zone.run("a/run", "2025-04-01T00:00:00Z", [cost_row("1")], export="a")
    zone.run("b/run", "2025-04-01T00:00:00Z", [cost_row("2", "s2")], export="b")
    assert sorted(zone.rows(zone.load(), "cost")) == [(Decimal(1),), (Decimal(2),)]


@pytest.mark.parametrize("changed", [{"blobCount": 2}, {"byteCount": 1}, {"blobs": [{"blobName": "x/gone.csv"}]}])
def test_a_run_that_is_not_whole_fails_the_month_and_no_older_run_takes_its_place(
    zone: Zone, changed: dict[str, Any]
) -> None:
    zone.run("a/run1", "2025-04-01T00:00:00Z", [cost_row("1")])
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("2")], **changed)
    load = zone.load()
    assert load.outcome == "failed"
    assert "run2/manifest.json" in load.problems[0]


def test_a_manifest_that_is_far_too_big_is_not_read(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "_MAX_BYTES", 1000)
    zone.run("a/20250301-20250331/run1", "2025-04-01T00:00:00Z", [cost_row("1")], padding=" " * 1000)
    load = zone.load()
    assert load.outcome == "failed"
    assert "run1/manifest.json: is no manifest: it has more than 1000 bytes" in load.problems[0]


def test_files_without_a_manifest_count_only_where_the_kind_has_none(zone: Zone) -> None:
    zone.run("a/run", "2025-04-01T00:00:00Z", [cost_row("1")])
    zone.put(f"cost_management/actual_cost/{MONTH}/more.csv", f"{COST}\n{cost_row('7')}")
    zone.put(f"cost_management/amortized_cost/{MONTH}/other.csv", f"{COST}\n{cost_row('9')}")
    found = zone.rows(zone.load(), "comparison, cost")
    assert sorted(found) == [("actual_cost", Decimal(1)), ("amortized_cost", Decimal(9))]


def test_a_changed_manifest_means_the_month_is_loaded_again(zone: Zone) -> None:
    zone.run("a/run", "2025-04-01T00:00:00Z", [cost_row("1")])
    before = {file.version for file in discover(zone.platform.landing, "azure_cost_export")[MONTH]}
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("1")])
    after = {file.version for file in discover(zone.platform.landing, "azure_cost_export")[MONTH]}
    assert len(after - before) == 2


def test_per_invoice_the_newest_manifest_wins_and_a_loose_file_of_that_invoice_does_not_count(zone: Zone) -> None:
    base = f"partner_center/billed_usage/{MONTH}"
    record = dict(zip(USAGE.split(","), usage_row("3").split(","), strict=True))
    for run, amount in (("old", "1.10"), ("new", "0.123456789012345")):
        text = json.dumps(record | {"UsageDate": "2025-03-01T00:00:00Z"}).replace('"3"', amount)
        zone.put(f"{base}/folder/{run}/part.json.gz", gzip.compress(text.encode()))
        created = f"2025-04-0{1 + (run == 'new')}T00:00:00Z"
        manifest = {
            "createdDateTime": created,
            "rootDirectory": "https://x/InvoiceId=G77/y",
            "blobs": [{"name": "part.json.gz"}],
        }
        zone.put(f"{base}/folder/{run}/manifest.json", json.dumps(manifest))
    zone.put(f"{base}/portal.csv", f"{USAGE}\n{usage_row('9', invoice='G77')}")
    found = zone.rows(zone.load("azure_invoice_usage"), "invoice_number, billing_pre_tax_total")
    assert found == [("G77", Decimal("0.123456789012"))]


def test_usage_without_meter_columns_asks_for_the_full_attribute_set(zone: Zone) -> None:
    header = ",".join(name for name in USAGE.split(",") if not name.startswith("Meter"))
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", header + "\n")
    assert "attributeSet full" in zone.load("azure_invoice_usage").problems[0]


@pytest.mark.parametrize("block", [1, 200, blocks.BLOCK])
def test_malformed_records_are_set_aside_with_their_numbers_however_much_is_read_at_once(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    rows = [
        usage_row("1"), "G1,too,few", usage_row("see contract"), usage_row("2", day="31/01/2023"), "", usage_row("3") + ",",
        usage_row("", ), usage_row("4", invoice=""), usage_row('"1,5"'), usage_row('"1,500"'),
    ]  # fmt: skip
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join([USAGE, *rows]) + "\n")
    load = zone.load("azure_invoice_usage")
    assert sorted(zone.rows(load, "source_row, billing_pre_tax_total")) == [(1, Decimal(1)), (9, Decimal(1500))]
    assert sorted(zone.rows(load, "source_row, column_name, value", "quarantine"), key=lambda row: int(row[0])) == [
        (2, None, None),
        (3, "BillingPreTaxTotal", "see contract"),
        (4, "UsageDate", "31/01/2023"),
        (5, None, None),
        (6, "BillingPreTaxTotal", None),
        (7, "InvoiceNumber", None),
        (8, "BillingPreTaxTotal", "1,5"),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_comma_decimals_are_read_in_files_that_semicolons_or_tabs_delimit(zone: Zone, delimiter: str) -> None:
    rows = [
        usage_row("A", "B").replace(",", delimiter).replace("A", amount).replace("B", "2,5")
        for amount in ("1.234", "1,5", "1.234,5")
    ]
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join([USAGE.replace(",", delimiter), *rows]))
    found = sorted(zone.rows(zone.load("azure_invoice_usage"), "billing_pre_tax_total, quantity"))
    assert found == [
        (Decimal("1.5"), Decimal("2.5")),
        (Decimal(1234), Decimal("2.5")),
        (Decimal("1234.5"), Decimal("2.5")),
    ]


def test_a_comma_behind_a_zero_is_a_decimal_one_though_three_digits_follow(zone: Zone) -> None:
    """Every number of the file has three decimals: nothing else says that no thousands are grouped."""
    rows = [usage_row("A", "B").replace(",", ";").replace("A", a).replace("B", b) for a, b in (("0,012", "1,250"),)]
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join([USAGE.replace(",", ";"), *rows]))
    found = zone.rows(zone.load("azure_invoice_usage"), "billing_pre_tax_total, quantity")
    assert found == [(Decimal("0.012"), Decimal("1.25"))]


def test_titles_and_headings_in_quotes_may_go_over_several_lines(zone: Zone) -> None:
    title = '"Usage of March\nall invoices"'
    rows = [title, f'{USAGE},"Tags\n(all)"', f"{usage_row('1')},x", f'{usage_row("2")},"y\nz"']
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join(rows))
    load = zone.load("azure_invoice_usage")
    assert zone.rows(load, "billing_pre_tax_total, source_line") == [(1, 5), (2, 6)]
    assert load.raw_month is not None and load.raw_month.files[0].ignored == {"title": 2}


def test_an_unclosed_quote_is_never_read_past(zone: Zone) -> None:
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", f'{USAGE}\n{usage_row("1")}\n"{usage_row("2")}\n')
    assert "never closed" in zone.load("azure_invoice_usage").problems[0]


def test_unpacking_a_big_file_is_bounded(zone: Zone) -> None:
    rows = "\n".join([USAGE, *[usage_row("1")] * 200_000])
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv.gz", gzip.compress(rows.encode()))
    zone.platform = Platform.from_settings(Settings(home=zone.home, max_unpacked_bytes=2_000_000))
    assert "unpacks to more than the limit" in zone.load("azure_invoice_usage").problems[0]


VALUES = {
    "InvoiceId": "G1", "SubscriptionId": "s1", "Date": "03/31/2025", "MeterId": "m1", "ChargeType": "Usage", "Quantity": "1",
    "Cost": "2.50", "CostInBillingCurrency": "2.50", "BillingCurrency": "USD",
}  # fmt: skip
OFFICIAL_ROWS = {
    "EA_ActualCost_Small.csv": 11,
    "EA_AmortizedCost_Small.csv": 28,
    "EA_NoRows.csv": 0,
    "sample-anonymous-ea-export-dataset.csv": 27,
    "headerset_Enterprise.csv": 1,
    "headerset_EnterpriseCamel.csv": 1,
    "mpa_costdetails_2023-12-01-preview.header.csv": 0,
    "mca_live_2025-03-01.header.csv": 0,
    "csp_subscription_costdetails_2023-12-01-preview.header.csv": 0,
}


def with_row(header: str, values: dict[str, str]) -> str:
    """A header and one row of what is known for its headings, whatever their case."""
    known = {name.lower(): value for name, value in values.items()}
    return f"{header}\n{','.join(known.get(heading.lower(), '') for heading in header.split(','))}\n"


def _cost_files() -> Iterator[tuple[bytes, int, str]]:
    """Content, rows and basis of prices of our own samples and of official ones."""
    own = {
        headings.COST_OF_AN_AGREEMENT: "partner",
        headings.COST_OF_A_PARTNER: "partner",
        headings.COST_OF_A_SUBSCRIPTION: "retail",
    }
    yield from ((with_row(header, VALUES).encode(), 1, basis) for header, basis in own.items())
    for path in official("*/*.csv"):
        if (count := OFFICIAL_ROWS.get(path.name)) is not None:
            basis = "retail" if "csp" in path.name or "Camel" in path.name else "partner"
            yield path.read_bytes(), count, basis


def belongs_to(load: Load) -> str | None:
    """The month that a load which failed says its rows belong to."""
    named = re.search(r"they belong to (\d{4}-\d{2})", " ".join(load.problems))
    return named[1] if named else None


@pytest.mark.parametrize(("content", "count", "basis"), list(_cost_files()), ids=shortened)
def test_cost_files_of_real_systems_load(zone: Zone, content: bytes, count: int, basis: str) -> None:
    zone.put(f"cost_management/actual_cost/{MONTH}/file.csv", content)
    month = belongs_to(zone.load()) or MONTH
    zone.put(f"cost_management/actual_cost/{month}/file.csv", content)
    load = zone.load(month=month)
    assert len(zone.rows(load, "cost")) == count
    assert zone.rows(load, "price_basis", "files") == [(basis,)]


@pytest.mark.parametrize(
    "content",
    [
        headings.COST_WITHOUT_CHARGE_TYPE.encode(),
        *(path.read_bytes() for name in ("PayAsYouGo", "German", "YA", "BOM") for path in official(f"*/*_{name}.csv")),
    ],
    ids=shortened,
)
def test_cost_files_without_a_charge_type_say_so(zone: Zone, content: bytes) -> None:
    zone.put(f"cost_management/actual_cost/{MONTH}/file.csv", content)
    assert "the required columns ChargeType are missing" in zone.load().problems[0]


def _mappings(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return node["mappings"] if "mappings" in node else next((m for v in node.values() if (m := _mappings(v))), [])
    return []


FOCUS_VERSIONS = {
    "1.0": headings.FOCUS_1_0,
    "1.2": headings.FOCUS_1_2,
    "1.3": headings.FOCUS_1_3,
    "1.4": headings.FOCUS_1_4,
}


def _focus_headers() -> Iterator[str]:
    yield from FOCUS_VERSIONS.values()
    for path in official("*/schema_focuscost_*.json"):
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
        yield ",".join(mapping["source"]["name"] for mapping in _mappings(schema))


@pytest.mark.parametrize("header", list(_focus_headers()), ids=shortened)
def test_every_version_of_focus_binds(zone: Zone, header: str) -> None:
    zone.put(f"cost_management/focus_cost/{MONTH}/file.csv", header + "\n")
    assert zone.rows(zone.load(), "comparison", "files") == [("focus",)]


def test_a_charge_gives_the_same_row_in_every_version_of_focus_that_splits_no_cost(zone: Zone) -> None:
    charge = {
        "BilledCost": "1.10", "BillingCurrency": "USD", "ChargeCategory": "Usage", "PricingQuantity": "2",
        "ChargePeriodStart": "2025-03-05T00:00:00Z", "SubAccountId": "/subscriptions/s1", "x_SkuMeterId": "m1",
        "ProviderName": "Microsoft", "PublisherName": "Microsoft", "ServiceProviderName": "Microsoft",
        "HostProviderName": "Microsoft", "InvoiceId": "G1", "x_InvoiceId": "G1",
    }  # fmt: skip
    for version, header in FOCUS_VERSIONS.items():
        zone.put(f"cost_management/focus_cost/{MONTH}/{version}.csv", with_row(header, charge))
    columns = "invoice_id, subscription_id, usage_date, meter_id, charge_type, quantity, cost, currency"
    rows = zone.rows(zone.load(), columns)
    assert rows == [("G1", "/subscriptions/s1", dt.date(2025, 3, 5), "m1", "Usage", 2, Decimal("1.1"), "USD")] * 4


def test_each_part_of_a_charge_that_focus_1_3_splits_is_a_row_with_its_share_of_the_cost(zone: Zone) -> None:
    whole = {"BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargePeriodStart": "2025-03-05T00:00:00Z",
             "SubAccountId": "/subscriptions/s1", "x_SkuMeterId": "m1", "InvoiceId": "G1"}  # fmt: skip
    parts = [("0.7", "1.25", "pod-a"), ("0.4", "0.75", "pod-b")]
    rows = [
        whole
        | {"BilledCost": cost, "PricingQuantity": quantity, "AllocatedMethodId": "k8s", "AllocatedResourceId": pod}
        for cost, quantity, pod in parts
    ]
    text = with_row(headings.FOCUS_1_3, rows[0]) + with_row(headings.FOCUS_1_3, rows[1]).partition("\n")[2]
    zone.put(f"cost_management/focus_cost/{MONTH}/a.csv", text)
    assert sorted(zone.rows(zone.load(), "cost, quantity")) == [(Decimal(c), Decimal(q)) for c, q, _ in parts[::-1]]


@pytest.mark.parametrize(
    "header",
    [headings.RATED_USAGE, *(path.read_text().strip() for path in official("headers/daily_rated_usage_*.csv"))],
    ids=shortened,
)
def test_every_header_of_daily_rated_usage_loads(zone: Zone, header: str) -> None:
    values = dict(zip(USAGE.split(","), usage_row("1").split(","), strict=True))
    zone.put(f"partner_center/billed_usage/{MONTH}/G1/a.csv", with_row(header, values))
    assert zone.rows(zone.load("azure_invoice_usage"), "billing_pre_tax_total") == [(Decimal(1),)]


FOCUS = (
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,PricingQuantity,SubAccountId,x_SkuMeterId,InvoiceId\n"
    "1.10,USD,Usage,2025-03-05T00:00:00Z,2,/subscriptions/s1,m1,G1\n"
    "0.01,USD,Adjustment,2025-03-31T00:00:00Z,,/subscriptions/s1,,G1\n"
    "-5,USD,Credit,2025-03-31T00:00:00Z,,/subscriptions/s1,,G1\n"
)


@pytest.mark.parametrize("has_unreadable", [False, True])
def test_a_focus_quantity_may_be_empty_but_of_usage_and_is_0_then(zone: Zone, has_unreadable: bool) -> None:
    unreadable = "1,USD,Tax,2025-03-31T00:00:00Z,some,,,\n" if has_unreadable else ""
    usage = "1,USD,usage,2025-03-31T00:00:00Z,,,,\n"
    zone.put(f"cost_management/focus_cost/{MONTH}/a.csv", FOCUS + usage + unreadable)
    load = zone.load()
    assert sorted(zone.rows(load, "charge_type, quantity")) == [("Adjustment", 0), ("Credit", 0), ("Usage", 2)]
    rejected = [(4, "PricingQuantity", "is empty, and is needed")]
    rejected += [(5, "PricingQuantity", "is not a number (or is a trillion or more)")] if unreadable else []
    assert sorted(zone.rows(load, "source_row, column_name, reason", "quarantine")) == rejected


def test_unbilled_usage_is_a_source_of_its_own_whose_lines_need_no_invoice(zone: Zone) -> None:
    values = dict(zip(USAGE.split(","), usage_row("1.5", invoice="").split(","), strict=True))
    zone.put(f"partner_center/unbilled_usage/{MONTH}/USD/a.csv", with_row(headings.RATED_USAGE, values))
    load = zone.load("azure_unbilled_usage")
    assert zone.rows(load, "invoice_number, usage_date, billing_pre_tax_total") == [
        (None, dt.date(2025, 3, 1), Decimal("1.5"))
    ]
    told = [
        path.name
        for path, text in generated_files().items()
        if path.is_relative_to(DBT_PROJECT) and load.source in text
    ]
    assert told == ["catalogue.sql"]  # among the sources that are shown; no model reads its rows


@pytest.mark.parametrize("source", ["azure_invoice_usage", "azure_unbilled_usage"])
def test_aggregated_usage_among_daily_usage_is_told_where_it_belongs(zone: Zone, source: str) -> None:
    folder = {"azure_invoice_usage": "billed_usage", "azure_unbilled_usage": "unbilled_usage"}[source]
    zone.put(f"partner_center/{folder}/{MONTH}/a.csv", headings.USAGE_AGGREGATED + "\n")
    assert "partner_center/billed_usage_aggregated/<month>/" in zone.load(source).problems[0]
