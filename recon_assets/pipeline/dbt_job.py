"""What is asked of dbt's process and what it answers, as JSON: a build of one subject, and what became of it."""

from dataclasses import dataclass

PAIRS_LATE = "einvoices"  # the subject whose builds may touch months besides those that were asked for


@dataclass(frozen=True)
class Job:
    """A build. `database` is its file, in a folder of its own; `environment` is what the engine's target reads."""

    engine: str  # the target of profiles.yml
    subject: str
    months: list[str]
    home: str
    database: str
    memory_limit: str
    environment: dict[str, str]
    variables: dict[str, object]


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or seed."""

    unique_id: str
    name: str
    seconds: float
    rows: dict[str, int]  # by month; empty for intermediate models and those without billing_month


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one dbt test for one month. `failures` counts the failing rows of that month."""

    unique_id: str
    name: str
    month: str
    passed: bool
    blocking: bool
    failures: int


@dataclass(frozen=True)
class Made:
    """What a build made. `months` are more than were asked for where late pairs of e-invoices touch others."""

    months: list[str]
    late_pairs: dict[str, str]
    nodes: list[NodeResult]
    checks: list[CheckResult]
