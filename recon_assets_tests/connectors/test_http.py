"""Pauses, texts without secrets, and addresses. No service, no node."""

import datetime as dt
import logging

import httpx
import pytest
from pydantic import SecretStr

from recon_assets.connectors.graph import ExportApi, ExportRequest
from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import ReconError
from recon_assets.transport.http import Http, new_client
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy, TransientError
from recon_assets_tests.connectors.conftest import Time


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 07 Apr 2025 00:00:30 GMT", 30.0),
        ("Sun, 06 Apr 2025 00:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(time: Time, value: str, seconds: float | None) -> None:
    policy = RetryPolicy(clock=time.clock)
    assert policy.retry_after(httpx.Headers({"Retry-After": value})) == seconds


def test_pauses_grow_up_to_the_longest_and_end_after_the_attempts(time: Time) -> None:
    def fails() -> None:
        raise TransientError("Nothing came.")

    with pytest.raises(TransientError):
        RetryPolicy(8, 1, 10, time.sleep, time.clock).run(fails)
    assert len(time.slept) == 7
    assert all(low <= slept <= low + 1 for low, slept in zip([1, 2, 4, 8], time.slept, strict=False))
    assert time.slept[4:] == [10, 10, 10]


def test_attempts_that_bring_something_are_bounded_too(time: Time) -> None:
    def crawls() -> None:
        raise TransientError("A byte came.", progressed=True)

    with pytest.raises(TransientError):
        RetryPolicy(2, 0, 0, time.sleep, time.clock).run(crawls)
    assert len(time.slept) == 99


def test_a_sas_token_is_hidden_whole_and_in_its_parts() -> None:
    secrets = Secrets()
    secrets.add("sv=2023-01-03&sr=d&sig=aVeryLongSignature%3D")
    assert secrets.scrub("at sig=aVeryLongSignature%3D, d") == "at sig=***, d"
    assert "aVery" not in repr(secrets)


def test_httpx_logs_no_more_of_an_address_than_its_host(caplog: pytest.LogCaptureFixture) -> None:
    with new_client(1, 1):
        caplog.set_level(logging.INFO, "httpx")
        url = httpx.URL("https://storage.example/hook/secret/part.gz?sig=secret")
        logging.getLogger("httpx").info("HTTP Request: %s %s", "GET", url)
    assert caplog.messages == ["HTTP Request: GET https://storage.example/"]


def test_addresses_keep_the_version_of_graph_and_the_answer_may_be_the_operation_itself(time: Time) -> None:
    """The contract's own form: 2XX with the operation in the body instead of 202 with a Location."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url}")
        if request.method == "POST":
            return httpx.Response(200, json={"id": "op 1", "status": "notStarted"})
        return httpx.Response(200, json={"id": "op 1", "status": "unknownFutureValue"})

    request = ExportRequest("usage/billed/export", {"invoiceId": "G1"}, "G1", "usage", "the invoice id", "G1")
    settings = GraphSettings(_env_file=None, tenant_id="t", client_id="c", client_secret="s")  # type: ignore[call-arg]
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        http = Http(client, RetryPolicy(sleep=time.sleep, clock=time.clock), Secrets())
        with pytest.raises(ReconError, match="the status 'unknownFutureValue'"):
            ExportApi(http, settings, lambda: SecretStr("token")).export(request)
    base = "https://graph.microsoft.com/v1.0/reports/partners/billing"
    assert asked == [f"POST {base}/usage/billed/export", f"GET {base}/operations/op%201"]


def test_dates_of_the_clock_are_aware() -> None:
    assert RetryPolicy().clock().tzinfo is dt.UTC
