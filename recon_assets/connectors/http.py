"""How every service is talked to: what is tried again, how long is waited, and what never gets into a text.

What is asked, and what an answer means, belongs to the module of the service.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import tenacity

from recon_assets.clock import Clock, utc_now
from recon_assets.errors import ReconError

logger = logging.getLogger(__name__)

T = TypeVar("T")
_HIDDEN = "[hidden]"
_RETRIED = frozenset({408, 429})


class TransientError(ReconError):
    """Worth another attempt. `retry_after` is what the service asked for, in seconds; `progressed`: some data came."""

    def __init__(self, text: str, retry_after: float | None = None, progressed: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.progressed = progressed


class Secrets:
    """The secret values in use, so that a text from outside can be shown without them."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Hide `value`, and the values of its parameters when it is a query string (a SAS token)."""
        parts = [part.partition("=")[2] for part in value.split("&")] if "&" in value else []
        self._values.update(part for part in (value, *parts) if len(part) >= 8)

    def scrub(self, text: str) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, _HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} values)"


@dataclass(frozen=True)
class RetryPolicy:
    """Bounded exponential backoff with jitter; Retry-After is honoured up to the longest wait. Times in seconds."""

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = utc_now

    def run(self, attempt: Callable[[], T]) -> T:
        """The result of `attempt`; its last TransientError when that many in a row brought nothing."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=_Stalled(self.attempts),
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        return retrying(attempt)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        jitter = min(1.0, self.first_wait)
        backoff: float = tenacity.wait_exponential_jitter(self.first_wait, self.longest_wait, jitter=jitter)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        return min(max(backoff, asked or 0.0), self.longest_wait)

    def retry_after(self, headers: Mapping[str, str]) -> float | None:
        """Seconds an answer with these headers asks to wait (a number or an HTTP date); None when it does not say."""
        value: str = headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            return max(0.0, (parsedate_to_datetime(value) - self.clock()).total_seconds())
        except (TypeError, ValueError):
            return None


class _Stalled:
    """Stops after as many attempts in a row without progress, and in any case after fifty times as many."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._fruitless = 0

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        self._fruitless = 0 if isinstance(error, TransientError) and error.progressed else self._fruitless + 1
        return self._fruitless >= self._attempts or state.attempt_number >= 50 * self._attempts


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    logger.warning("%s Trying again in %.1f s.", error, pause)


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
