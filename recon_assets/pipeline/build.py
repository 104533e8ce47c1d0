"""A build: raw months in, marts of the target months out, in a DuckDB file private to the run (design.md, rule 3).

On Spark the file holds views over the marts that Spark has made (engines.py).
"""

import datetime as dt
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.dbt_job import PAIRS_LATE, CheckResult, Job, NodeResult
from recon_assets.pipeline.dbt_process import begin_in_dbt_process, build_in_dbt_process, is_begun
from recon_assets.pipeline.project import DATABASE_NAME
from recon_assets.pipeline.snapshot import late_vars, take_snapshot
from recon_assets.settings import Settings

_OUTCOME = "build.json"


@dataclass(frozen=True)
class Build:
    subject: str
    months: list[str]
    database: Path
    nodes: list[NodeResult]
    checks: list[CheckResult]
    decisions: str = ""  # the snapshot of people's decisions that was read, below raw
    late_pairs: dict[str, str] = field(default_factory=dict)  # mark of each month's late pairs, of e-invoices

    def save(self) -> None:
        """Keep the outcome beside the database, for the step that publishes it."""
        content = asdict(self) | {"database": self.database.name}
        self.database.with_name(_OUTCOME).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, settings: Settings, run_id: str) -> "Build":
        folder = build_folder(settings, run_id)
        content = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
        return cls(
            content["subject"],
            content["months"],
            folder / content["database"],
            [NodeResult(**node) for node in content["nodes"]],
            [CheckResult(**check) for check in content["checks"]],
            content["decisions"],
            content["late_pairs"],
        )

    def failed_checks(self, month: str) -> list[CheckResult]:
        return [check for check in self.checks if check.month == month and not check.passed]


def build_folder(settings: Settings, run_id: str) -> Path:
    return settings.build / run_id


def run_build(
    settings: Settings,
    subject: str,
    months: list[str],
    run_id: str,
    as_of: dt.date | None = None,
    published: PublishedStore | None = None,
) -> Build:
    """Build and test the marts of `months` in a new database; ReconError when a model cannot be built.

    dbt works in a process of its own (dbt_process.py).
    Of e-invoices also those to which late pairs of the months belong, and of `published` months whose late pairs are no
    longer what readers see: `months` of the build has them too (spec/einvoice_reconciliation.md, 28). Without
    `published` nothing is published or closed.
    `as_of` is the day by the platform's clock: it decides which usage months have settled and which missing e-invoices
    are overdue, and nothing else. Without it dbt takes today.
    """
    job = _job(settings, subject, months, run_id, as_of, published)
    if not is_begun(job):
        _make_folder(settings, run_id)
    made = build_in_dbt_process(job)
    decisions = str(job.variables["decisions_file"])
    return Build(subject, made.months, Path(job.database), made.nodes, made.checks, decisions, made.late_pairs)


def begin_build(
    settings: Settings, subject: str, months: list[str], run_id: str, as_of: dt.date, published: PublishedStore
) -> None:
    """Have dbt begin the build that `run_build` with the same arguments waits for, and do not wait.

    Should it find that anything it depends on has changed meanwhile, such as a decision, it is begun again.
    """
    job = _job(settings, subject, months, run_id, as_of, published)
    _make_folder(settings, run_id)
    begin_in_dbt_process(job)


def _make_folder(settings: Settings, run_id: str) -> None:
    folder = build_folder(settings, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _job(
    settings: Settings,
    subject: str,
    months: list[str],
    run_id: str,
    as_of: dt.date | None,
    published: PublishedStore | None,
) -> Job:
    chosen: dict[str, object] = {
        "target_months": months,
        "subjects": [subject],
        "as_of_date": as_of.isoformat() if as_of else "",
        "decisions_file": take_snapshot(settings),
    }
    if subject == PAIRS_LATE and published is not None:
        chosen |= late_vars(settings, published)
    return Job(
        engine=settings.engine,
        subject=subject,
        months=months,
        home=str(settings.home),
        database=str(build_folder(settings, run_id) / DATABASE_NAME),
        memory_limit=settings.build_memory_limit,
        environment=settings.spark_environment() if settings.engine == "spark" else {},
        variables=settings.dbt_vars() | chosen,
    )


def remove_build(settings: Settings, run_id: str) -> None:
    """Remove the build of a published run."""
    shutil.rmtree(build_folder(settings, run_id), ignore_errors=True)


def remove_old_builds(settings: Settings, now: dt.datetime) -> None:
    """Remove what failed or killed runs left longer ago than `build_keep_days`."""
    limit = (now - dt.timedelta(days=settings.build_keep_days)).timestamp()
    for folder in settings.build.glob("*") if settings.build.is_dir() else []:
        if folder.is_dir() and folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
