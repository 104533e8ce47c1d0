"""The download end to end, every request and answer to Graph checked against Microsoft's published contract."""

import json
import os
import signal
import subprocess
import sys

import pytest

from recon_assets.connectors.graph import ExportFailed
from recon_assets.errors import InputError, ReconError
from recon_assets.settings import Settings
from recon_assets_tests.connectors import proxy
from recon_assets_tests.connectors.conftest import Connect, Time, error_text, graph_settings, stored_versions
from recon_assets_tests.connectors.service import CLIENT_SECRET, TENANT, Fault, Invoice, Service, usage_file

pytestmark = [pytest.mark.prism, pytest.mark.xdist_group("prism")]

INVOICE = "G000000001"
PARTS = {f"part-0000{n}-b016029b.c000.json.gz": usage_file(1500 + n, INVOICE) for n in range(4)}


def held(settings: Settings) -> dict[str, bytes]:
    """Name and content of the files of the newest stored version, without its manifest."""
    version = stored_versions(settings)[-1]
    return {path.name: path.read_bytes() for path in version.iterdir() if path.name != "manifest.json"}


def test_every_file_is_stored_as_it_came_with_its_manifest(
    contract: Service, connect: Connect, settings: Settings, time: Time
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    fetched = connect().usage.fetch(INVOICE, "2025-03")
    assert fetched.outcome == "stored"
    assert held(settings) == PARTS
    manifest = json.loads((settings.landing / fetched.folder / "manifest.json").read_bytes())
    sent = next(iter(contract._manifests.values()))
    assert manifest == {**sent, "sasToken": "REDACTED"}
    assert time.slept == [3]  # Retry-After of the running operation
    assert not list((settings.home / "downloads").rglob("*.gz"))


def test_a_manifest_inside_the_operation_is_taken_as_well(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS, inline=True)
    connect().usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS
    assert contract.count("manifest") == 0


@pytest.mark.parametrize("where", ["manifest", "first row"])
def test_the_month_is_found_out_when_it_is_not_given(
    contract: Service, connect: Connect, settings: Settings, where: str
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS, month="2025-03" if where == "manifest" else None)
    assert connect().usage.fetch(INVOICE).month == "2025-03"
    assert held(settings) == PARTS
    assert connect().usage.fetch(INVOICE).outcome == "unchanged"


def test_a_month_that_is_not_the_invoices_is_refused_before_anything_is_downloaded(
    contract: Service, connect: Connect
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    with pytest.raises(InputError, match="usage of 2025-03, says its manifest, not of 2025-02") as caught:
        connect().usage.fetch(INVOICE, "2025-02")
    error_text(caught.value)
    assert contract.asked_blobs() == []


def test_a_second_run_downloads_nothing(contract: Service, connect: Connect, settings: Settings) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    connect().usage.fetch(INVOICE, "2025-03")
    before = {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*")}
    again = connect().usage.fetch(INVOICE, "2025-03")
    assert again.outcome == "unchanged"
    assert sorted(contract.asked_blobs()) == sorted(PARTS)
    assert {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*")} == before


def test_throttling_is_waited_for_as_long_as_asked_but_not_longer_than_the_bound(
    contract: Service, connect: Connect, settings: Settings, time: Time
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.plant("export", Fault(429, {"Retry-After": "7"}), Fault(429, {"Retry-After": "86400"}))
    contract.plant("blob", Fault(429, {"Retry-After": "11"}))
    connect(longest_wait_seconds=30).usage.fetch(INVOICE, "2025-03")
    assert [round(slept) for slept in time.slept] == [7, 30, 3, 11]
    assert held(settings) == PARTS


def test_server_errors_and_lost_connections_are_tried_again_with_growing_pauses(
    contract: Service, connect: Connect, settings: Settings, time: Time
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.retry_after = None
    contract.plant("export", Fault(500), Fault(503))
    contract.plant("operation", Fault(502), Fault(504))
    contract.plant("manifest", Fault(503))
    contract.plant("blob", Fault(500), Fault(503))
    connect(parallelism=1).usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS
    first, second = time.slept[:2]
    assert 1 <= first <= 2 < second + 0.001 <= 4
    assert 10 in time.slept  # the running operation, without Retry-After


def test_an_outage_ends_in_a_clear_error_after_the_bounded_attempts(
    contract: Service, connect: Connect, time: Time
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.plant("export", *[Fault(503)] * 4)
    with pytest.raises(ReconError, match="Microsoft Graph answered 503") as caught:
        connect(attempts=4).usage.fetch(INVOICE, "2025-03")
    error_text(caught.value)
    assert len(time.slept) == 3


def test_a_connection_lost_within_a_file_is_resumed_where_it_broke(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.plant("blob", Fault(drop_after=5000))
    connect(parallelism=1).usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS
    assert contract.ranges[:2] == ["", "bytes=5000-"]
    assert contract.asked_blobs()[:2] == [next(iter(PARTS))] * 2


def test_a_sas_token_that_runs_out_is_renewed_by_a_new_export_without_losing_what_is_here(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.sas_uses_left = 2
    connect(parallelism=1).usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS
    assert contract.count("export") == 2
    assert len(contract.asked_blobs()) == len(PARTS) + 1  # the refused one


def test_a_token_that_never_works_ends_in_a_clear_error(contract: Service, connect: Connect) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.sas_valid_from = 1000
    with pytest.raises(ReconError, match=r"refuses part-0000.*AuthenticationFailed.*firewall") as caught:
        connect().usage.fetch(INVOICE, "2025-03")
    error_text(caught.value)
    assert contract.count("export") == 2


def test_a_failed_operation_says_why_and_stores_nothing(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS, error={"code": "5000", "message": "No data available"})
    with pytest.raises(ExportFailed, match=r"G000000001: No data available \(code 5000, operation op-0-G") as caught:
        connect().usage.fetch(INVOICE, "2025-03")
    error_text(caught.value)
    assert list(settings.landing.rglob("*")) == []


def test_an_export_that_is_never_made_is_given_up_in_time(contract: Service, connect: Connect, time: Time) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.polls_until_made = 10**6
    contract.retry_after = "100000"
    with pytest.raises(ReconError, match="not made in 600 s") as caught:
        connect(poll_timeout_seconds=600, longest_wait_seconds=60).usage.fetch(INVOICE, "2025-03")
    error_text(caught.value)
    assert time.slept == [60] * 10


def test_a_changed_etag_is_a_new_version_and_the_older_one_stays_until_it_is_complete(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    connect().usage.fetch(INVOICE, "2025-03")
    newer = {name: usage_file(900 + n, INVOICE) for n, name in enumerate(PARTS)}
    contract.invoices[INVOICE] = Invoice(newer, etag="changed/+==", created="2025-04-05T01:02:03Z")
    contract.plant("blob", Fault(404))
    with pytest.raises(ReconError, match="answered 404"):
        connect(parallelism=1).usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS

    assert connect().usage.fetch(INVOICE, "2025-03").outcome == "stored"
    old, new = stored_versions(settings)
    assert held(settings) == newer
    assert {path.name: path.read_bytes() for path in old.iterdir() if path.suffix == ".gz"} == PARTS
    assert new.name == "20250405T010203000000Z-changed"


def test_content_that_returns_after_a_change_becomes_the_newest_again(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    for etag, created in (("A", "2025-04-02T00:00:00Z"), ("B", "2025-04-03T00:00:00Z"), ("A", "2025-04-04T00:00:00Z")):
        contract.invoices[INVOICE] = Invoice(PARTS, etag=etag, created=created)
        assert connect().usage.fetch(INVOICE, "2025-03").outcome == "stored"
    assert [folder.name[-1] for folder in stored_versions(settings)] == ["A", "B", "A"]
    assert connect().usage.fetch(INVOICE, "2025-03").outcome == "unchanged"


def test_a_killed_download_is_resumed_with_what_it_had(contract: Service, connect: Connect, settings: Settings) -> None:
    contract.invoices[INVOICE] = Invoice(PARTS)
    contract.held = {list(PARTS)[2]}
    variables = {
        "RECON_HOME": str(settings.home),
        "RECON_GRAPH_TENANT_ID": TENANT,
        "RECON_GRAPH_CLIENT_ID": "an-app",
        "RECON_GRAPH_CLIENT_SECRET": CLIENT_SECRET,
        "RECON_GRAPH_BASE_URL": contract.public_url,
        "RECON_GRAPH_AUTHORITY": contract.authority,
        "RECON_GRAPH_PARALLELISM": "1",
        "RECON_GRAPH_POLL_SHORTEST_SECONDS": "0",
    }
    contract.retry_after = "0"
    program = "from recon_assets.cli.fetch import fetch; fetch()"
    command = [sys.executable, "-c", program, "usage", "--invoice-id", INVOICE, "--month", "2025-03"]
    with subprocess.Popen(command, env={**os.environ, **variables}) as process:
        assert contract.held_requested.wait(60)
        process.send_signal(signal.SIGKILL)
    contract.hold.set()
    assert stored_versions(settings) == []
    assert not list((settings.landing / "partner_center").rglob("*.gz"))

    connect().usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS
    first, second = list(PARTS)[:2]
    assert contract.asked_blobs().count(first) == contract.asked_blobs().count(second) == 1


def test_an_unknown_invoice_and_wrong_credentials_say_what_to_check(contract: Service, connect: Connect) -> None:
    with pytest.raises(InputError, match="answered 404 for G999: Invoice G999 was not found") as caught:
        connect().usage.fetch("G999", "2025-03")
    error_text(caught.value)
    with pytest.raises(InputError, match=r"AADSTS7000215.*RECON_GRAPH_TENANT_ID") as caught:
        connect(client_secret=CLIENT_SECRET[:-1]).usage.fetch(INVOICE, "2025-03")
    error_text(caught.value)


def test_the_proxy_notices_a_broken_contract(contract: Service, running_prism: proxy.Prism, connect: Connect) -> None:
    """So that the other tests' silence means something."""
    contract.breaks_contract = True
    contract.invoices[INVOICE] = Invoice(PARTS, manifest_changes={"blobCount": "four"})
    begin = running_prism.position()
    with pytest.raises(ReconError, match="Microsoft Graph answered 500"):
        connect(attempts=2).usage.fetch(INVOICE, "2025-03")
    assert running_prism.violations(begin)


def test_a_certificate_can_take_the_place_of_the_secret(
    contract: Service, connect: Connect, settings: Settings
) -> None:
    certificate = settings.home / "app.pem"
    certificate.write_bytes(contract.certificate)
    contract.invoices[INVOICE] = Invoice(PARTS)
    connect(client_secret=None, certificate_path=certificate).usage.fetch(INVOICE, "2025-03")
    assert held(settings) == PARTS


def test_settings_show_no_secret(service: Service) -> None:
    assert CLIENT_SECRET not in repr(graph_settings(service))
