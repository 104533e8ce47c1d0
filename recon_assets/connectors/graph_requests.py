"""Requests to Microsoft Graph: the token, addresses of that service alone, and its refusals in words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from azure.core.credentials import TokenCredential

from recon_assets.clock import Clock
from recon_assets.connectors.identity import TokenSource, make_credential
from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import InputError, ReconError
from recon_assets.transport.http import Http, new_client
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy

GRAPH = "Microsoft Graph"


@contextmanager
def open_graph(
    graph: GraphSettings, sleep: Callable[[float], None], clock: Clock
) -> Iterator[tuple[Http, TokenCredential]]:
    """Connections by the settings, and the app's credential; both are closed, or forgotten, at the end."""
    secrets = Secrets()
    for secret in (graph.client_secret, graph.certificate_password):
        if secret is not None:
            secrets.add(secret.get_secret_value())
    policy = RetryPolicy(graph.attempts, graph.first_wait_seconds, graph.longest_wait_seconds, sleep, clock)
    credential = make_credential(graph)
    with new_client(graph.read_timeout_seconds, graph.parallelism) as client:
        yield Http(client, policy, secrets), credential


class GraphRequests:
    """Requests with the app's token; `permission` is what the app needs to be granted for them."""

    def __init__(self, http: Http, settings: GraphSettings, token: TokenSource, permission: str) -> None:
        self._http = http
        self._token = token
        self._base = f"{settings.base_url}/"
        self._permission = permission

    def ask(
        self, method: str, url: str, subject: str, advice: str, allowed: tuple[int, ...] = (), **options: Any
    ) -> httpx.Response:
        """The answer to a request below the base address; one that is neither a success nor `allowed` is an error.

        `subject` says in an error what was asked for, `advice` what to check. Raises InputError when the app or the
        request is refused, ReconError for the rest.
        """
        headers = {"Authorization": f"Bearer {self._token().get_secret_value()}", "Accept": "application/json"}
        response = self._http.request(GRAPH, method, self.own_url(url), headers=headers, **options)
        if response.is_success or response.status_code in allowed:
            return response
        code, message = self.odata_error(response)
        said = f"{GRAPH} answered {response.status_code} for {subject}: {message} (code {code})."
        if response.status_code in (401, 403):
            raise InputError(
                f"{said} The app needs the application permission {self._permission} with admin consent, in the "
                "partner's tenant (RECON_GRAPH_TENANT_ID)."
            )
        if response.is_client_error:
            raise InputError(f"{said} Check {advice} and RECON_GRAPH_BASE_URL.")
        raise ReconError(f"{said} Check RECON_GRAPH_BASE_URL.")

    def own_url(self, url: str) -> str:
        """`url` made absolute; ReconError when it leads to another service, which must not get the token."""
        absolute = urljoin(self._base, url)
        if urlsplit(absolute)[:2] != urlsplit(self._base)[:2]:
            host = urlsplit(absolute).netloc
            raise ReconError(
                f"{GRAPH} points to another service ({host}), which is not asked. Check RECON_GRAPH_BASE_URL."
            )
        return absolute

    def odata_error(self, response: httpx.Response) -> tuple[str, str]:
        """Code and message of a refusal, without the secrets in use."""
        try:
            error = response.json()["error"]
            code, message = str(error["code"]), str(error["message"])
        except (ValueError, KeyError, TypeError):
            return "none", "no reason given"
        return self._http.secrets.scrub(code), self._http.secrets.scrub(message)
