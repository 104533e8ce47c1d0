"""Reconciliation lines of new commerce, billed and unbilled: from Graph to the raw months that they belong to."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from recon_assets.catalogue.generated import generated_files
from recon_assets.cli import main
from recon_assets.connectors.partner_center import (
    RECONCILIATION,
    UNBILLED,
    FetchedExport,
    PartnerCenter,
    UnbilledPeriod,
)
from recon_assets.defs.downloads import RECONCILIATION_DOWNLOAD, InvoiceDownloadConfig, reconciliation_download_asset
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError
from recon_assets.landing.discovery import discover
from recon_assets.pipeline.plan import PlannedLoad, landed_files, plan_loads
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets.status import overview
from recon_assets_tests.connectors.conftest import Connect, error_text, stored_versions
from recon_assets_tests.connectors.service import Invoice, Service, reconciliation_file
from recon_assets_tests.landed import delimited, land, nce_line, table_rows
from recon_assets_tests.usage.zone import USAGE, usage_row

FIRST, SECOND = "G000000001", "G000000002"
PRISM = [pytest.mark.prism, pytest.mark.xdist_group("prism")]


def loaded(settings: Settings, source: str, month: str = "2025-03") -> list[dict[str, object]]:
    """Rows of a raw month after loading it from what has landed."""
    platform = Platform.from_settings(settings)
    load = platform.load(source, month)
    assert load.outcome == "loaded", load.problems
    return table_rows(platform.raw, source, month)


@pytest.mark.parametrize(
    "asked", [pytest.param("contract", marks=PRISM), pytest.param("service", id="month by Partner Center")]
)
def test_an_invoices_lines_are_stored_and_read_in_the_month_of_the_invoice(
    request: pytest.FixtureRequest, connect: Connect, settings: Settings, asked: str
) -> None:
    service: Service = request.getfixturevalue(asked)
    names_month = asked == "contract"
    parts = {"part-0.c000.json.gz": reconciliation_file(3), "part-1.c000.json.gz": reconciliation_file(2)}
    service.invoices[FIRST] = Invoice(parts, month="2025-03" if names_month else None)
    service.by_id = {FIRST: {"id": FIRST, "invoiceDate": "2025-04-06T00:00:00Z"}}
    fetched = connect().reconciliation.fetch(FIRST)
    assert (fetched.month, fetched.outcome) == ("2025-03", "stored")
    assert service.exports == [("reconciliation/billed/export", {"invoiceId": FIRST, "attributeSet": "full"})]
    (version,) = stored_versions(settings, export=RECONCILIATION)
    assert {path.name: path.read_bytes() for path in version.glob("*.gz")} == parts
    rows = loaded(settings, "ms_recon_nce")
    assert [(str(row["subtotal"]), row["invoice_number"]) for row in rows] == [("50.000000000000", FIRST)] * 5
    assert connect().reconciliation.fetch(FIRST).outcome == "unchanged"
    assert sorted(service.asked_blobs()) == sorted(parts)


def test_invoices_of_a_month_and_the_portals_file_beside_them_count_once_each(
    service: Service, connect: Connect, settings: Settings
) -> None:
    """Of the portal's file, which holds both invoices and a third, only the third is not exported."""
    root = {"rootDirectory": f"{service.url}/blobs/InvoiceId={FIRST}/x"}
    service.invoices[FIRST] = Invoice({"a.json.gz": reconciliation_file(1)}, manifest_changes=root)
    service.invoices[SECOND] = Invoice({"b.json.gz": reconciliation_file(1, SECOND)})
    partner_center = connect()
    partner_center.fetch_month(partner_center.reconciliation, "2025-03", [FIRST, SECOND])
    manifests = settings.landing.rglob("manifest.json")
    for path in manifests:  # the folder names the invoice where the root directory does not
        path.write_text(json.dumps({**json.loads(path.read_text()), "rootDirectory": "https://x"}))
    lines = [nce_line(InvoiceNumber=invoice, Subtotal="7") for invoice in (FIRST, SECOND, "G3")]
    land(
        settings.landing,
        "partner_center/reconciliation/2025-03/nce/from the portal/portal.csv",
        delimited(lines, list(nce_line())),
    )
    rows = loaded(settings, "ms_recon_nce")
    assert sorted(str(row["invoice_number"]) for row in rows) == [FIRST, SECOND, "G3"]


def test_an_invoice_without_lines_is_a_month_without_rows(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[FIRST] = Invoice({})
    connect().reconciliation.fetch(FIRST)
    assert loaded(settings, "ms_recon_nce") == []


def fetch_unbilled(partner_center: PartnerCenter, period: UnbilledPeriod, currency: str) -> FetchedExport:
    return partner_center.fetch_unbilled(partner_center.unbilled, period, currency)


@pytest.mark.prism
@pytest.mark.xdist_group("prism")
@pytest.mark.parametrize(("period", "named", "month"), [("current", "2025-04", "2025-04"), ("last", None, "2025-03")])
def test_unbilled_lines_land_beside_as_a_source_of_their_own(
    contract: Service, connect: Connect, settings: Settings, period: UnbilledPeriod, named: str | None, month: str
) -> None:
    """Of the clock's month, April 2025, or the one before where the manifest does not say."""
    contract.invoices["EUR"] = Invoice({"a.json.gz": reconciliation_file(2, "")}, month=named)
    fetched = fetch_unbilled(connect(), period, "EUR")
    assert (fetched.month, fetched.folder.rpartition("/")[0]) == (month, f"partner_center/unbilled/{month}/EUR")
    asked = {"billingPeriod": period, "currencyCode": "EUR", "attributeSet": "full"}
    assert contract.exports == [("reconciliation/unbilled/export", asked)]
    assert len(stored_versions(settings, "EUR", month, UNBILLED)) == 1
    assert len(loaded(settings, "ms_unbilled_nce", month)) == 2
    platform = Platform.from_settings(settings)
    assert discover(platform.landing, "ms_recon_nce") == {}
    (status,) = overview(platform).months
    assert (status.month, status.window_status, list(status.landed)) == (month, "incomplete", ["ms_unbilled_nce"])


@pytest.mark.prism
@pytest.mark.xdist_group("prism")
def test_unbilled_usage_lands_beside_as_a_source_of_its_own(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    values = dict(zip(USAGE.split(","), usage_row("1.5", invoice="").split(","), strict=True))
    lines = [json.dumps(values | {"UsageDate": f"2025-03-0{day}"}) for day in (1, 2)]
    contract.invoices["USD"] = Invoice({"a.json.gz": gzip.compress("\n".join(lines).encode())}, month="2025-03")
    partner_center = connect()
    fetched = partner_center.fetch_unbilled(partner_center.unbilled_usage, "last", "USD")
    assert fetched.folder.rpartition("/")[0] == "partner_center/unbilled_usage/2025-03/USD"
    asked = {"billingPeriod": "last", "currencyCode": "USD", "attributeSet": "full"}
    assert contract.exports == [("usage/unbilled/export", asked)]
    rows = loaded(settings, "azure_unbilled_usage")
    assert [(row["invoice_number"], row["billing_pre_tax_total"]) for row in rows] == [(None, Decimal("1.5"))] * 2
    platform = Platform.from_settings(settings)
    assert discover(platform.landing, "azure_invoice_usage") == {}


def test_unbilled_lines_are_loaded_with_their_month_and_are_no_part_of_what_is_built(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices["EUR"] = Invoice({"a.json.gz": reconciliation_file(2, "")})
    fetch_unbilled(connect(), "last", "EUR")
    platform = Platform.from_settings(settings)
    landed = landed_files(platform.landing, "subscriptions")
    assert plan_loads("subscriptions", ["2025-03"], landed, platform) == [PlannedLoad("2025-03", "ms_unbilled_nce")]
    assert plan_loads("subscriptions", ["2025-02"], landed, platform) == []
    read = [text for path, text in generated_files().items() if path.name in ("raw.yml", "source_windows.csv")]
    assert len(read) == 2 and not any("ms_unbilled_nce" in text for text in read)


def test_a_newer_export_of_unbilled_lines_takes_the_place_of_the_older_one(
    service: Service, connect: Connect, settings: Settings
) -> None:
    for lines, etag, created in ((2, "A", "2025-03-02T00:00:00Z"), (5, "B", "2025-03-03T00:00:00Z")):
        service.invoices["EUR"] = Invoice({"a.json.gz": reconciliation_file(lines, "")}, etag, created)
        fetch_unbilled(connect(), "last", "EUR")
    service.invoices["USD"] = Invoice({"a.json.gz": reconciliation_file(1, "")})
    fetch_unbilled(connect(), "last", "USD")
    assert len(stored_versions(settings, "EUR", export=UNBILLED)) == 2
    assert len(loaded(settings, "ms_unbilled_nce")) == 6


def test_the_commands_fetch_load_and_show_what_they_stored(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    service.invoices[FIRST] = Invoice({"a.json.gz": reconciliation_file(2)})
    service.invoices["EUR"] = Invoice({"a.json.gz": reconciliation_file(3, "")})
    done = CliRunner().invoke(main, ["fetch", "reconciliation", "--invoice-id", FIRST, "--month", "2025-03"])
    assert (done.exit_code, f"{FIRST} (2025-03): 1 files" in done.output) == (0, True), done.output
    done = CliRunner().invoke(main, ["fetch", "reconciliation", "--unbilled", "last", "--currency", "EUR"])
    assert (done.exit_code, "EUR (2025-03): 1 files" in done.output) == (0, True), done.output
    usage = CliRunner().invoke(main, ["fetch", "usage", "--unbilled", "last", "--currency", "EUR"])
    assert (usage.exit_code, "partner_center/unbilled_usage/2025-03/EUR" in usage.output) == (0, True), usage.output
    for source in ("ms_recon_nce", "ms_unbilled_nce"):
        loaded(settings, source)
    sql = "select (select count(*) from raw.ms_recon_nce), (select sum(subtotal) from raw.ms_unbilled_nce)"
    shown = CliRunner().invoke(main, ["query", sql, "--format", "csv"])
    assert shown.output.splitlines()[-1].startswith("2,150.0"), shown.output
    past = CliRunner().invoke(main, ["query", sql, "--as-of", "2025-03-01"])
    assert (past.exit_code, "leave --as-of out" in past.output) == (2, True), past.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --invoice-id, or --month"),
        (["--unbilled", "last"], "Give --currency with --unbilled"),
        (["--unbilled", "last", "--currency", "EUR", "--month", "2025-03"], "--unbilled names its period"),
        (["--month", "2025-03", "--currency", "EUR"], "--currency belongs to --unbilled"),
        (["--unbilled", "last", "--currency", "euro"], "'euro' is not the code of a currency"),
    ],
)
def test_options_that_do_not_belong_together_are_told(
    environment: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    result = CliRunner().invoke(main, ["fetch", "reconciliation", *options])
    assert result.exit_code != 0
    assert said in result.output + str(result.exception)


def test_a_currency_that_microsoft_refuses_is_what_is_to_be_checked(service: Service, connect: Connect) -> None:
    with pytest.raises(InputError, match=r"404 for XXX: .* Check the currency") as caught:
        fetch_unbilled(connect(), "current", "XXX")
    error_text(caught.value)


def test_the_asset_fetches_the_months_invoices(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    service.listed["items"] = [
        {"id": FIRST, "invoiceDate": "2025-04-06", "billingPeriodStartDate": "2025-03-01", "invoiceType": "OneTime"}
    ]
    service.invoices[FIRST] = Invoice({"a.json.gz": reconciliation_file(2)})
    asset = reconciliation_download_asset(dg.MonthlyPartitionsDefinition(start_date="2025-01", fmt="%Y-%m"))
    done = dg.materialize(
        [asset],
        partition_key="2025-03",
        resources={"platform": PlatformResource()},
        run_config=dg.RunConfig({"landing__ms_reconciliation_download": InvoiceDownloadConfig()}),
    )
    (event,) = done.get_asset_materialization_events()
    assert event.asset_key == RECONCILIATION_DOWNLOAD
    assert event.materialization.metadata["versions"].value == {FIRST: Invoice({}).etag}
    assert len(stored_versions(settings, export=RECONCILIATION)) == 1


def test_a_file_with_the_columns_of_both_is_taken_for_billed_lines(
    environment: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "download.csv"
    line = nce_line()
    file.write_text(",".join(line) + "\n" + ",".join(line.values()) + "\n", encoding="utf-8")
    shown = CliRunner().invoke(main, ["inspect", str(file)])
    assert "taken for ms_recon_nce" in " ".join(shown.output.split()), shown.output


def test_inspect_lands_a_file_in_place_of_another_one_only_when_told_so(
    environment: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    file, place = tmp_path / "download.csv", settings.landing / "partner_center/reconciliation/2025-01/nce/download.csv"
    command = ["inspect", str(file), "--month", "2025-01", "--land"]

    def landing(subtotal: str, *more: str) -> str:
        line = nce_line(Subtotal=subtotal, SubscriptionId=f"sub-{subtotal}")
        file.write_text(delimited([line], list(line)).decode(), encoding="utf-8")
        return CliRunner().invoke(main, [*command, *more]).output

    assert "is at partner_center" in landing("1")
    assert "was already at" in landing("1")
    assert "is there already with other content" in landing("2")
    assert "sub-1" in place.read_text(encoding="utf-8")
    assert "replaced what was at" in landing("2", "--replace")
    assert "sub-2" in place.read_text(encoding="utf-8")
