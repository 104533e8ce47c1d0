"""What a sensor does with the landing zone: which months to load now, and what to remember until the next tick.

What is new is decided against the raw months themselves, so nothing is forgotten when the memory is lost. The memory
holds what two ticks must share: the files seen (only files that stay the same for a while are taken), since when months
have no files, and the attempts made for each set of files.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from recon_assets.landing.store import LandedFile

MAX_ATTEMPTS = 3
_LOST_SECONDS = 600  # a run that nobody has heard of for so long was never started, or was deleted

Ending = Literal["running", "ended", "unknown"]


@dataclass(frozen=True)
class PendingMonth:
    """A month whose landed files are not what is loaded; without files it was loaded and they are gone."""

    source: str
    month: str
    files: list[LandedFile]
    audit_failed: bool  # these very files were tried and failed their audit: trying again gives the same

    @property
    def key(self) -> str:
        return f"{self.source}:{self.month}"

    @property
    def batch(self) -> str:
        """Identity of exactly these files as they are: one whose rights were mended may be tried again."""
        return hashlib.sha256("\n".join(sorted(f.state for f in self.files)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Attempt:
    """One request to load a batch. Its run key is used once in all: Dagster never runs one again, failed or not."""

    batch: str
    number: int
    run_key: str
    requested_at: float
    ending: Ending = "running"

    def is_over(self, now: float) -> bool:
        return self.ending == "ended" or (self.ending == "unknown" and now - self.requested_at > _LOST_SECONDS)


@dataclass(frozen=True)
class Memory:
    seen: dict[str, str] = field(default_factory=dict)  # path -> state at the last tick
    gone: dict[str, float] = field(default_factory=dict)  # source:month without files -> since when
    attempts: dict[str, Attempt] = field(default_factory=dict)  # source:month -> newest attempt


@dataclass(frozen=True)
class Request:
    source: str
    month: str
    run_key: str


@dataclass(frozen=True)
class Decision:
    requests: list[Request]
    memory: Memory
    notes: list[str]


def decide(
    pending: list[PendingMonth], memory: Memory, known_months: set[str], now: float, stable_seconds: int
) -> Decision:
    """Which months to load: all files stable, partition known, not already being tried, not tried too often.

    `now` is in seconds since the epoch. A month that is not requested is looked at again at the next tick.
    """
    requests: list[Request] = []
    notes: list[str] = []
    attempts = {key: a for key, a in memory.attempts.items() if key in {p.key for p in pending}}
    gone = {month.key: memory.gone.get(month.key, now) for month in pending if not month.files}
    for month in pending:
        before = attempts.get(month.key)
        reason = _unstable(month, memory, now, stable_seconds) or _unwanted(month, before, known_months, now)
        if reason:
            notes.append(f"{month.key}: {reason}")
            continue
        number = before.number + 1 if before and before.batch == month.batch else 1
        run_key = f"{month.key}:{month.batch}:{now:.6f}:{number}"
        attempts[month.key] = Attempt(month.batch, number, run_key, now)
        requests.append(Request(month.source, month.month, run_key))
    seen = {file.path: file.state for month in pending for file in month.files}
    return Decision(requests, Memory(seen, gone, attempts), notes)


def _unstable(month: PendingMonth, memory: Memory, now: float, stable_seconds: int) -> str | None:
    if not month.files:
        since = memory.gone.get(month.key)
        is_sure = since is not None and now - since >= stable_seconds
        return None if is_sure else "its files are gone, waiting whether they come back"
    if any(memory.seen.get(file.path) != file.state for file in month.files):
        return "new or changed files, waiting until they are stable"
    if any(now - file.modified_at < stable_seconds for file in month.files):
        return "files changed a moment ago, waiting until they are stable"
    return None


def _unwanted(month: PendingMonth, attempt: Attempt | None, known: set[str], now: float) -> str | None:
    if month.month not in known:
        return "no such partition yet; reload the code location"
    if month.audit_failed:
        return "these files failed their audit; land corrected ones"
    if attempt and attempt.batch == month.batch:
        if not attempt.is_over(now):
            return f"attempt {attempt.number} is under way"
        if attempt.number >= MAX_ATTEMPTS:
            return f"{attempt.number} attempts came to nothing; materialize the month by hand once the cause is gone"
    return None
