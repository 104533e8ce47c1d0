"""Jobs, schedules and sensors."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import dagster as dg

from recon_assets.catalogue import source_windows
from recon_assets.defs.partitions import current_month
from recon_assets.defs.resources import PlatformResource
from recon_assets.lakehouse.raw import RawMonth
from recon_assets.landing.watch import Attempt, Decision, Ending, Memory, PendingMonth, decide
from recon_assets.months import add_months, contiguous
from recon_assets.pipeline.plan import landed_files, window_status
from recon_assets.platform import Platform
from recon_assets.settings import Settings

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
# A run whose process was killed is run again whole: publishing needs the marts that the same run built.
WHOLE_RETRY = {"dagster/retry_strategy": "ALL_STEPS"}


def load_job(partitions: dg.PartitionsDefinition):  # type: ignore[no-untyped-def,type-arg]
    return dg.define_asset_job(
        "load_raw",
        dg.AssetSelection.groups("raw"),
        partitions_def=partitions,
        description="Load the raw months of a month's sources from what has landed.",
        tags={"dagster/max_retries": "0"},  # the landing sensor tries again
    )


def subject_job(subject: str, partitions: dg.PartitionsDefinition):  # type: ignore[no-untyped-def,type-arg]
    selection = dg.AssetSelection.tag("subject", subject) - dg.AssetSelection.groups("raw", "landing")
    return dg.define_asset_job(
        subject,
        selection,
        partitions_def=partitions,
        description=f"Reconcile {subject} for a month or a range of months from the loaded raw months, and publish.",
        tags=WHOLE_RETRY,
    )


def load_and_reconcile_job(subject: str, partitions: dg.PartitionsDefinition):  # type: ignore[no-untyped-def,type-arg]
    return dg.define_asset_job(
        f"load_and_reconcile_{subject}",
        dg.AssetSelection.tag("subject", subject) - dg.AssetSelection.groups("landing"),
        partitions_def=partitions,
        description=f"Load, reconcile and publish one month of {subject}.",
        tags=WHOLE_RETRY,
    )


def all_job(partitions: dg.PartitionsDefinition):  # type: ignore[no-untyped-def,type-arg]
    return dg.define_asset_job(
        "everything",
        dg.AssetSelection.groups("raw", "staging", "marts", "published"),
        partitions_def=partitions,
        description="Load, reconcile and publish one month of every subject.",
        tags=WHOLE_RETRY,
    )


def close_schedule(subject: str, job, settings: Settings) -> dg.ScheduleDefinition:  # type: ignore[no-untyped-def]
    """The month's close: on a day and hour of the settings, the month before is reconciled."""

    @dg.schedule(
        name=f"close_month_{subject}",
        job=job,
        cron_schedule=f"0 {settings.close_hour} {settings.close_day} * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reconciles the month before on day {settings.close_day} of the month.",
    )
    def close_month(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        month = add_months(f"{context.scheduled_execution_time:%Y-%m}", -1)
        return dg.RunRequest(run_key=f"close:{subject}:{month}", partition_key=month)

    return close_month


def refresh_schedule(subject: str, job, settings: Settings) -> dg.ScheduleDefinition:  # type: ignore[no-untyped-def]
    """Every day, the months whose selection window is still open."""

    @dg.schedule(
        name=f"refresh_open_months_{subject}",
        job=job,
        cron_schedule=f"30 {settings.close_hour} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reconciles again the months whose selection window is not complete yet, or that were loaded since "
        "they were published.",
    )
    def refresh_open_months(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        months = open_months(platform.get(), subject)
        if not months:
            yield dg.SkipReason("Every month that has landed is final and published.")
        for first, last in contiguous(months):
            tags = {RANGE_START: first, RANGE_END: last}
            yield dg.RunRequest(
                run_key=f"refresh:{subject}:{first}:{context.scheduled_execution_time:%Y-%m-%d}", tags=tags
            )

    return refresh_open_months


def open_months(platform: Platform, subject: str) -> list[str]:
    """Loaded months up to the current one that are provisional, or final and not published since they were loaded.

    The latter make up for runs that were killed and not run again: what is missing decides, not what was asked for.
    """
    raw = platform.raw
    present = {source: set(raw.months(source)) for source in (w.source for w in source_windows(subject))}
    last = current_month(platform.clock)
    months = sorted({month for months in present.values() for month in months if month <= last})
    today, expected_from = platform.clock().date(), platform.settings.einvoices_expected_from
    statuses = {month: window_status(subject, month, present, today, expected_from) for month in months}
    final = [month for month, status in statuses.items() if status == "final"]
    behind = unpublished_loads(platform, subject, final)
    return [month for month, status in statuses.items() if status == "provisional" or month in behind]


def unpublished_loads(platform: Platform, subject: str, months: Sequence[str]) -> set[str]:
    """Months that are not closed, of whose window a raw month was loaded after their publication, or without one."""
    current, closed = platform.published.current(), platform.published.closed()
    found = set()
    for month in months:
        if (month, subject) in closed:
            continue
        window = {(w.source, add_months(month, n)) for w in source_windows(subject) for n in w.offsets}
        loads = [raw for source, other in window if (raw := platform.raw.read(source, other))]
        publication = current.get((month, subject))
        if publication is None or any(_loaded_at(raw) > publication.published_at for raw in loads):
            found.add(month)
    return found


def _loaded_at(raw: RawMonth) -> dt.datetime:
    instant = dt.datetime.fromisoformat(raw.loaded_at)
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def landing_sensor(
    subject: str,
    job: Any,
    partitions: dg.PartitionsDefinition,  # type: ignore[type-arg]
    seconds: int,
) -> dg.SensorDefinition:
    """New, replaced and removed files of a subject's sources: loads their months once the files are stable."""

    @dg.sensor(
        name=f"landing_{subject}",
        job=job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Loads the raw months of {subject} whose landed files are not what is loaded: new, replaced, "
        "gone, or loaded by an older reader.",
    )
    def landing(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult | dg.SkipReason:
        here = platform.get()
        memory = with_outcomes(context.instance, memory_from(context.cursor))
        known = set(partitions.get_partition_keys(current_time=here.clock()))
        pending = pending_months(here, subject)
        decision = decide(pending, memory, known, here.clock().timestamp(), here.settings.file_stable_seconds)
        return _sensor_result(decision, pending)

    return landing


def _sensor_result(decision: Decision, pending: list[PendingMonth]) -> dg.SensorResult:
    files = {(month.source, month.month): [file.path for file in month.files] for month in pending}
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=r.run_key, partition_key=r.month, asset_selection=[dg.AssetKey(["raw", r.source])])
            for r in decision.requests
        ],
        asset_events=[
            dg.AssetMaterialization(
                dg.AssetKey(["landing", r.source]),
                partition=r.month,
                metadata={"files": dg.MetadataValue.json(files[r.source, r.month])},
            )
            for r in decision.requests
        ],
        skip_reason=dg.SkipReason("; ".join(decision.notes) or "Nothing new has landed.")
        if not decision.requests
        else None,
        cursor=json.dumps(asdict(decision.memory), sort_keys=True),
    )


def pending_months(platform: Platform, subject: str) -> list[PendingMonth]:
    """Months whose landed files are not what is loaded, with whether these files failed their audit already."""
    pending = []
    for source, landed in landed_files(platform.landing, subject).items():
        for month in sorted({*landed, *platform.raw.recorded_months(source)}):
            files = landed.get(month, [])
            if platform.why_load(source, month, files):
                failed = platform.raw.read_failed(source, month)
                same = failed is not None and sorted(failed.versions) == sorted(f.state for f in files)
                pending.append(PendingMonth(source, month, files, same))
    return pending


def memory_from(cursor: str | None) -> Memory:
    """What a tick has written; nothing of one that an older version has: it costs a tick and no more."""
    content = json.loads(cursor) if cursor else {}
    if content.keys() != {"seen", "gone", "attempts"}:
        return Memory()
    attempts = {key: Attempt(**attempt) for key, attempt in content["attempts"].items()}
    return Memory(content["seen"], content["gone"], attempts)


def with_outcomes(instance: dg.DagsterInstance, memory: Memory) -> Memory:
    """The memory with what became of the runs of its attempts."""
    return replace(memory, attempts={k: replace(a, ending=_ending(instance, a)) for k, a in memory.attempts.items()})


def _ending(instance: dg.DagsterInstance, attempt: Attempt) -> Ending:
    """Success is an end too: when the month is still to be loaded, something happened to it since."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": attempt.run_key}), limit=1)
    if not runs:
        return "unknown"
    return "ended" if runs[0].is_finished else "running"


def automation_sensor(seconds: int) -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=seconds,
        run_tags=WHOLE_RETRY,
        description="Brings months up to date when a raw month of their window changes.",
    )


def all_schedules(jobs: dict[str, object], settings: Settings) -> list[dg.ScheduleDefinition]:
    return [
        schedule
        for subject in jobs
        for schedule in (
            close_schedule(subject, jobs[subject], settings),
            refresh_schedule(subject, jobs[subject], settings),
        )
    ]
