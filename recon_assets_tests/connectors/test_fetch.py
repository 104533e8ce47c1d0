"""What people and programs call: settings, the invoices of a month, `recon fetch usage`, and the Dagster asset."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from recon_assets.cli.fetch import fetch
from recon_assets.connectors.partner_center import FetchedMonth, PartnerCenter
from recon_assets.connectors.settings import load_graph_settings
from recon_assets.defs.downloads import USAGE_DOWNLOAD, InvoiceDownloadConfig, usage_download_asset
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError, ReconError
from recon_assets.settings import Settings
from recon_assets_tests.connectors.conftest import Connect, error_text, require_no_secret, stored_versions
from recon_assets_tests.connectors.service import Fault, Invoice, Service, usage_file

FIRST, SECOND = "G000000001", "G000000002"


def listed(invoice_id: str, invoiced: str, **changes: object) -> dict[str, Any]:
    """An invoice in the shape of the Partner Center REST documentation."""
    return {
        "id": invoice_id,
        "invoiceDate": f"{invoiced}T00:00:00Z",
        "documentType": "invoice",
        "invoiceType": "OneTime",
        **changes,
    }


def list_invoices(service: Service, *items: Mapping[str, Any]) -> None:
    service.listed = {"totalCount": len(items), "items": list(items), "links": {}}


def fetch_month(partner_center: PartnerCenter, month: str, invoice_ids: list[str] | None = None) -> FetchedMonth:
    return partner_center.fetch_month(partner_center.usage, month, invoice_ids)


# Settings


def test_missing_settings_are_named_with_what_to_do(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("RECON_GRAPH_TENANT_ID")
    environment.setenv("RECON_GRAPH_BASE_URL", "http://graph.microsoft.com/v1.0")
    with pytest.raises(InputError) as caught:
        load_graph_settings()
    text = error_text(caught.value)
    assert "RECON_GRAPH_TENANT_ID: Field required" in text
    assert "RECON_GRAPH_BASE_URL: write an https:// address" in text


def test_a_secret_or_a_certificate_is_needed_but_not_both(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RECON_GRAPH_CERTIFICATE_PATH", "app.pem")
    with pytest.raises(InputError, match="either RECON_GRAPH_CLIENT_SECRET or RECON_GRAPH_CERTIFICATE_PATH") as caught:
        load_graph_settings()
    error_text(caught.value)
    environment.delenv("RECON_GRAPH_CLIENT_SECRET")
    with pytest.raises(InputError, match=r"there is no file app\.pem"):
        load_graph_settings()


def test_scopes_follow_the_cloud(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RECON_GRAPH_BASE_URL", "https://graph.microsoft.us/v1.0/")
    settings = load_graph_settings()
    assert settings.graph_scope == "https://graph.microsoft.us/.default"
    assert settings.base_url == "https://graph.microsoft.us/v1.0"


# The invoices of a month


def test_the_months_invoices_are_those_whose_billing_period_begins_in_it(
    service: Service, connect: Connect, settings: Settings
) -> None:
    list_invoices(
        service,
        listed(FIRST, "2025-04-06"),  # the list does not say its period: it is opened
        listed(SECOND, "2025-04-07", billingPeriodStartDate="2025-03-01T00:00:00Z"),
        listed("G000000003", "2025-04-07", billingPeriodStartDate="2025-04-01T00:00:00Z"),
        listed("G000000004", "2025-04-07", documentType="void_note"),
        listed("D000000005", "2025-04-07", invoiceType="Recurring"),
        listed("G000000006", "2024-04-07"),
        *(listed(f"G1{n:08d}", "2023-01-07") for n in range(120)),
    )
    service.by_id = {FIRST: listed(FIRST, "2025-04-06", billingPeriodStartDate="2025-03-01T00:00:00Z")}
    assert connect().invoices.invoices_of("2025-03") == [FIRST, SECOND]


def test_every_page_of_invoices_is_read(service: Service, connect: Connect) -> None:
    pages = [listed(f"G1{n:08d}", "2025-04-07", billingPeriodStartDate="2025-03-01T00:00:00Z") for n in range(250)]
    list_invoices(service, *pages)
    service.listed["links"] = {"next": {"uri": "/invoices?size=100&offset=100", "method": "GET", "headers": []}}
    assert len(connect().invoices.invoices_of("2025-03")) == 250


def test_an_amendment_is_asked_for_in_place_of_the_void_note_that_lists_it(service: Service, connect: Connect) -> None:
    amendment = listed(SECOND, "2025-04-08", billingPeriodStartDate="2025-03-01T00:00:00Z")
    list_invoices(
        service,
        listed("D000000001", "2025-04-06", invoiceType="Recurring"),
        listed(FIRST, "2025-04-06", documentType="void_note", amendments=[amendment]),
    )
    assert connect().invoices.invoices_of("2025-03") == [SECOND]


def test_an_app_that_may_not_list_invoices_is_told_so(service: Service, connect: Connect) -> None:
    service.plant("invoices", Fault(403))
    with pytest.raises(InputError, match="may not list invoices.*or name the invoices") as caught:  # noqa: RUF043
        fetch_month(connect(), "2025-03")
    error_text(caught.value)


def test_every_invoice_is_tried_before_an_error_is_raised(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[SECOND] = Invoice({"a.json.gz": usage_file(5, SECOND)})
    with pytest.raises(InputError, match=f"Invoice {FIRST} was not found"):
        fetch_month(connect(), "2025-03", [FIRST, SECOND])
    assert len(stored_versions(settings, SECOND)) == 1


def test_an_invoice_that_was_looked_up_may_have_no_usage_but_a_named_one_may_not(
    service: Service, connect: Connect
) -> None:
    period = {"billingPeriodStartDate": "2025-03-01T00:00:00Z"}
    list_invoices(service, listed(FIRST, "2025-04-07", **period), listed(SECOND, "2025-04-07", **period))
    service.invoices[FIRST] = Invoice({}, error={"code": "5000", "message": "No data available"})
    service.invoices[SECOND] = Invoice({"a.json.gz": usage_file(5, SECOND)})
    month = fetch_month(connect(), "2025-03")
    assert month.without_lines == [FIRST]
    assert [export.item for export in month.exports] == [SECOND]
    with pytest.raises(Exception, match="No data available"):
        fetch_month(connect(), "2025-03", [FIRST])


# recon fetch usage


def test_the_command_stores_and_then_says_that_nothing_changed(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    service.invoices[FIRST] = Invoice({"a.json.gz": usage_file(5)})
    done = CliRunner().invoke(fetch, ["usage", "--invoice-id", FIRST, "--month", "2025-03"])
    assert (done.exit_code, done.output.splitlines()[0].endswith("bytes, stored.")) == (0, True), done.output
    again = CliRunner().invoke(fetch, ["usage", "--invoice-id", FIRST])
    assert "unchanged, nothing downloaded" in again.output
    assert len(stored_versions(settings)) == 1


def test_an_entra_that_cannot_be_reached_is_no_mistake_of_the_app(
    service: Service, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("RECON_GRAPH_AUTHORITY", "https://127.0.0.1:1")
    environment.setattr("time.sleep", lambda seconds: None)  # azure-identity's own retries
    result = CliRunner().invoke(fetch, ["usage", "--invoice-id", FIRST])
    assert isinstance(result.exception, ReconError)
    assert not isinstance(result.exception, InputError)
    assert "Check RECON_GRAPH_AUTHORITY and the network" in error_text(result.exception)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--month", "2025-3"], "'2025-3' is not a month"),
        (["--invoice-id", "../G1"], "'../G1' is not an invoice id"),
        (["--month", "2025-03"], "lists no invoice of 2025-03"),
    ],
)
def test_mistakes_are_input_errors(
    service: Service, environment: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    result = CliRunner().invoke(fetch, ["usage", *arguments])
    assert isinstance(result.exception, InputError)  # the console script shows its text and exits 2
    assert problem in str(result.exception)


def test_the_command_needs_an_invoice_or_a_month() -> None:
    assert "Give --invoice-id, or --month" in CliRunner().invoke(fetch, ["usage"]).output


# The Dagster asset


def materialize(month: str, *invoice_ids: str, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
    asset = usage_download_asset(dg.MonthlyPartitionsDefinition(start_date="2025-01", fmt="%Y-%m"))
    return dg.materialize(
        [asset],
        partition_key=month,
        resources={"platform": PlatformResource()},
        run_config=dg.RunConfig(
            {"landing__azure_invoice_usage_download": InvoiceDownloadConfig(invoice_ids=[*invoice_ids])}
        ),
        raise_on_error=raise_on_error,
    )


def test_the_asset_fetches_the_months_invoices_that_partner_center_lists(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    list_invoices(service, listed(FIRST, "2025-04-07", billingPeriodStartDate="2025-03-01T00:00:00Z"))
    service.invoices[FIRST] = Invoice({"a.json.gz": usage_file(5)})
    event = materialize("2025-03").asset_materializations_for_node("landing__azure_invoice_usage_download")[0]
    assert event.asset_key == USAGE_DOWNLOAD
    assert event.partition == "2025-03"
    assert event.metadata["invoices"].value == event.metadata["new_versions"].value == 1
    require_no_secret("metadata", str({name: value.value for name, value in event.metadata.items()}))
    assert len(stored_versions(settings)) == 1


def test_a_failed_download_fails_the_asset_with_the_text_of_the_error_and_no_secret(
    service: Service, environment: pytest.MonkeyPatch
) -> None:
    service.plant("export", *[Fault(403)])
    result = materialize("2025-03", FIRST, raise_on_error=False)
    assert not result.success
    failures = [event for event in result.all_events if event.is_step_failure]
    assert "PartnerBilling.Read.All" in str(failures[0].step_failure_data)
    require_no_secret("events", " ".join(str(event) for event in result.all_events))
