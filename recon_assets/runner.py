"""`recon run`: the same jobs that the Dagster UI starts, in this process, with their runs on the home's instance."""

import os
import socket
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import dagster as dg

from recon_assets.catalogue import SOURCES
from recon_assets.definitions import build_definitions
from recon_assets.defs.automation import RANGE_END, RANGE_START
from recon_assets.defs.models import PLANNED
from recon_assets.defs.partitions import month_partitions
from recon_assets.defs.records import open_run_instance
from recon_assets.defs.resources import time_from
from recon_assets.errors import NotListed
from recon_assets.issues.database import has_database
from recon_assets.lakehouse.log import Publication
from recon_assets.months import contiguous, month_range
from recon_assets.pipeline.first_build import Begun, give_up
from recon_assets.pipeline.plan import PlannedLoad, landed_files, plan_loads
from recon_assets.platform import Platform

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# A run is recorded before it is started, and may be killed in between.
_NOT_ENDED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


@dataclass
class Outcome:
    """What a run did: (month, subject) published by it, what stands in the way of the others, months it loaded.

    `since` has those that another run published again meanwhile, with the publication that readers see.
    """

    published: set[tuple[str, str]] = field(default_factory=set)
    since: dict[tuple[str, str], Publication] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    loaded: list[PlannedLoad] = field(default_factory=list)
    run_ids: set[str] = field(default_factory=set)


def run_months(
    platform: Platform, subjects: list[str], months: list[str], progress: Progress, begun: Begun | None = None
) -> Outcome:
    """Load what the windows of `months` need, then build and publish the months of each subject.

    The issue log is copied after, where there is one. The platform's clock is that of the runs too. `begun` is the
    first build, where nothing had to be loaded before it.
    """
    with time_from(platform.clock):
        return _run_months(platform, subjects, months, progress, begun)


def _run_months(
    platform: Platform, subjects: list[str], months: list[str], progress: Progress, begun: Begun | None
) -> Outcome:
    outcome = Outcome()
    known = set(month_partitions(platform).get_partition_keys())
    for month in (month for month in months if month not in known):
        outcome.problems.append(f"{month}: no file of this month or of one before it has landed")
    months = [month for month in months if month in known]
    if not months:
        return outcome
    with open_run_instance(platform.settings) as instance, warnings.catch_warnings():
        # What Dagster calls preview and beta is said to whoever upgrades it, not to whoever runs a month.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        _close_killed_runs(instance)
        plans = _plans(platform, subjects, months, outcome)
        if begun and any(plans.values()):  # landed since: it may have read months as they were
            give_up(platform, begun)
            begun = None
        definitions = build_definitions(platform, plans)
        ranges = contiguous(months)
        total = len({load.month for plan in plans.values() for load in plan}) + len(plans) * len(ranges)
        copies_issues = has_database(platform.settings)
        total += copies_issues
        for done, step in enumerate(_steps(definitions, instance, plans, ranges, outcome, copies_issues, begun)):
            progress(step, done, total)
        progress("done", total, total)
    closed = platform.published.closed()
    for month, subject in sorted(closed.keys() & {(m, s) for m in months for s in subjects}):
        outcome.problems.append(f"{closed[month, subject].text}; `recon reopen` allows it to be published again")
    current = platform.published.current().items()
    outcome.since = {key: p for key, p in current if key in outcome.published and p.run_id not in outcome.run_ids}
    return outcome


def _plans(
    platform: Platform, subjects: list[str], months: list[str], outcome: Outcome
) -> dict[str, list[PlannedLoad]]:
    """What to load, by subject; one whose files cannot be listed is left out, with the reason as a problem."""
    plans = {}
    for subject in subjects:
        try:
            plans[subject] = plan_loads(subject, months, landed_files(platform.landing, subject), platform)
        except NotListed as error:
            outcome.problems.append(f"{subject}: nothing is loaded or reconciled. {error}")
    return plans


def _steps(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    plans: dict[str, list[PlannedLoad]],
    ranges: list[tuple[str, str]],
    outcome: Outcome,
    copies_issues: bool,
    begun: Begun | None,
) -> Iterator[str]:
    """Name each step, then do it when asked for the next."""
    loads = sorted(load for plan in plans.values() for load in plan)
    broken: set[str] = set()
    for month, planned in groupby(loads, key=lambda load: load.month):
        batch = list(planned)
        yield f"loading {month}"
        keys = [dg.AssetKey(["raw", load.source]) for load in batch]
        result = _execute(definitions, instance, "load_raw", partition_key=month, asset_selection=keys)
        outcome.loaded += batch
        outcome.problems += _failures(result)
        broken |= _broken_subjects(result)
    for subject in plans:
        if subject in broken:  # the earlier load would be published as if it were what has landed
            outcome.problems.append(f"{subject}: nothing is reconciled, since a load broke off")
            continue
        for first, last in ranges:
            yield f"reconciling {subject} {first if first == last else f'{first} to {last}'}"
            tags = {} if first == last else {RANGE_START: first, RANGE_END: last}
            is_begun = begun and (begun.subject, begun.months) == (subject, month_range(first, last))
            run_id = begun.run_id if begun and is_begun else None
            key = None if tags else first
            result = _execute(definitions, instance, subject, partition_key=key, tags=tags, run_id=run_id)
            outcome.run_ids.add(result.run_id)
            outcome.published |= _published(instance, result.run_id, subject)
            outcome.problems += _failures(result)
    if copies_issues:
        yield "copying issues"
        outcome.problems += _failures(_execute(definitions, instance, "issues", partition_key=None))


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    partition_key: str | None,
    tags: dict[str, str] | None = None,
    asset_selection: list[dg.AssetKey] | None = None,
    run_id: str | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job in this process, with the id that was chosen for it if any was; its failure is in the result."""
    own = {"recon/host": socket.gethostname(), PLANNED: str(os.getpid())}
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config=_QUIET,
        tags=own | (tags or {}),
        partition_key=partition_key,
        asset_selection=asset_selection,
        run_id=run_id,
    )


def _failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """What went wrong in a run, in the words of whoever raised it."""
    problems = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                problems.append(data.user_failure_data.description)
            elif data.error:
                problems.append((data.error.cause or data.error).message.strip())
    return problems


def _published(instance: dg.DagsterInstance, run_id: str, subject: str) -> set[tuple[str, str]]:
    """Months that a run published, as it says itself: whatever other runs publish at the same time.

    From the instance: the result leaves out what a step said before it failed, as one does that refuses other months.
    """
    asset = dg.AssetKey(["published", subject])
    said = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    made = (entry.dagster_event.step_materialization_data.materialization for entry in said if entry.dagster_event)
    return {(str(m.partition), subject) for m in made if m.asset_key == asset}


def _broken_subjects(result: dg.ExecuteInProcessResult) -> set[str]:
    """Subjects of raw months whose load broke off, such as on a full disk; one that failed its audit is on record."""
    failed = (event for event in result.all_events if event.is_step_failure and event.step_key)
    broken = {str(event.step_key) for event in failed if not event.step_failure_data.user_failure_data}
    return {source.subject for source in SOURCES.values() if f"raw__{source.name}" in broken}


def _close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of this script whose process is gone as failed: nobody else will."""
    host = {"recon/host": socket.gethostname()}
    for run in instance.get_runs(dg.RunsFilter(statuses=_NOT_ENDED, tags=host)):
        if not _is_alive(int(run.tags.get(PLANNED, "0"))):
            instance.report_run_failed(run, "The process of this run was ended from outside.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
