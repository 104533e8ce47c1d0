"""What is tried again, and how long is waited before."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from recon_assets.clock import Clock, utc_now
from recon_assets.errors import ReconError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class TransientError(ReconError):
    """Worth another attempt. `retry_after` is what the service asked for, in seconds; `progressed`: some data came."""

    def __init__(self, text: str, retry_after: float | None = None, progressed: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.progressed = progressed


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
