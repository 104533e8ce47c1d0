"""How every service is talked to over HTTP. What is tried again is in `retry`.

What is asked, and what an answer means, belongs to the module of the service.
"""

import logging
from dataclasses import dataclass
from typing import Any

import httpx

from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy, TransientError

_RETRIED = frozenset({408, 429})


@dataclass(frozen=True)
class Http:
    """A client with the policy; every request goes through it. Redirects are not followed: they would carry tokens."""

    client: httpx.Client
    policy: RetryPolicy
    secrets: Secrets

    def request(self, what: str, method: str, url: str, **options: Any) -> httpx.Response:
        """The answer, read whole, whatever it is but 408, 429 and 5xx: those and lost connections are tried again.

        `what` names the service in errors. Raises TransientError when every attempt failed.
        """

        def attempt() -> httpx.Response:
            try:
                response = self.client.request(method, url, **options)
            except httpx.RequestError as error:
                raise self.lost(what, error) from None
            self.raise_if_transient(what, response)
            return response

        return self.policy.run(attempt)

    def lost(self, what: str, error: httpx.RequestError, progressed: bool = False) -> TransientError:
        reason = self.secrets.scrub(f"{type(error).__name__}: {error}")
        return TransientError(f"The connection to {what} was lost ({reason}).", progressed=progressed)

    def raise_if_transient(self, what: str, response: httpx.Response) -> None:
        if response.status_code in _RETRIED or response.status_code >= 500:
            pause = self.policy.retry_after(response.headers)
            raise TransientError(f"{what} answered {response.status_code} {response.reason_phrase}.", pause)


def new_client(read_timeout: float, connections: int) -> httpx.Client:
    """An httpx client that neither follows redirects nor logs addresses, where SAS tokens are."""
    log_hosts_alone()
    limits = httpx.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2)
    return httpx.Client(timeout=httpx.Timeout(read_timeout, connect=20), limits=limits)


def log_hosts_alone() -> None:
    """httpx logs the address of every request; from here on it is the host alone.

    A query may hold a SAS token, and the path of a webhook is a secret itself.
    """
    requests_log = logging.getLogger("httpx")
    if not any(isinstance(filter_, _HostAlone) for filter_ in requests_log.filters):
        requests_log.addFilter(_HostAlone())


class _HostAlone(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(raw_path=b"/") if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True
