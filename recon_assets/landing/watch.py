"""What a sensor does with the landing zone: which months to load now, and what to remember until the next tick.

What is new is decided against the raw months themselves, so nothing is forgotten when the memory is lost. The memory
holds what two ticks must share: the files seen (only files that stay the same for a while are taken) and the attempts
made for each set of files.
"""

import hashlib
from dataclasses import dataclass, field

from recon_assets.landing.store import LandedFile

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class PendingMonth:
    """A month whose landed files differ from what is loaded."""

    source: str
    month: str
    files: list[LandedFile]
    audit_failed: bool  # these very files were tried and failed their audit: trying again gives the same

    @property
    def key(self) -> str:
        return f"{self.source}:{self.month}"

    @property
    def batch(self) -> str:
        """Identity of exactly these versions of these files."""
        return hashlib.sha256("\n".join(sorted(f.version for f in self.files)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Attempt:
    batch: str
    number: int
    failed: bool = False  # the run ended in failure


@dataclass(frozen=True)
class Memory:
    seen: dict[str, str] = field(default_factory=dict)  # path -> etag at the last tick
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
    """Which months to load: all files stable, partition known, not already being tried, not failed for good.

    `now` is in seconds since the epoch. A month that is not requested is looked at again at the next tick.
    """
    requests: list[Request] = []
    notes: list[str] = []
    attempts = {key: a for key, a in memory.attempts.items() if key in {p.key for p in pending}}
    for month in pending:
        reason = _reason_to_wait(month, memory, attempts.get(month.key), known_months, now, stable_seconds)
        if reason:
            notes.append(f"{month.key}: {reason}")
            continue
        before = attempts.get(month.key)
        number = before.number + 1 if before and before.batch == month.batch else 1
        attempts[month.key] = Attempt(month.batch, number)
        requests.append(Request(month.source, month.month, f"{month.key}:{month.batch}:{number}"))
    seen = {file.path: file.etag for month in pending for file in month.files}
    return Decision(requests, Memory(seen, attempts), notes)


def _reason_to_wait(
    month: PendingMonth, memory: Memory, attempt: Attempt | None, known: set[str], now: float, stable_seconds: int
) -> str | None:
    if month.month not in known:
        return "no such partition yet; reload the code location"
    if month.audit_failed:
        return "these files failed their audit; land corrected ones"
    if any(memory.seen.get(file.path) != file.etag for file in month.files):
        return "new or changed files, waiting until they are stable"
    if any(now - file.modified_at < stable_seconds for file in month.files):
        return "files changed a moment ago, waiting until they are stable"
    if attempt and attempt.batch == month.batch:
        if not attempt.failed:
            return f"attempt {attempt.number} is under way"
        if attempt.number >= MAX_ATTEMPTS:
            return f"{attempt.number} attempts failed; materialize the month by hand once the cause is gone"
    return None
