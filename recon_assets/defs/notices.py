"""The sensor that tells people what ended runs have to say. What is told and how is in `recon_assets/notices`."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence

import dagster as dg

from recon_assets.defs.automation import RANGE_END, RANGE_START
from recon_assets.defs.published import WAITING
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError, ReconError
from recon_assets.notices.channels import sender
from recon_assets.notices.discrepancies import large_discrepancies
from recon_assets.notices.outbox import NOTICES_FILE, Fact, Outbox, Report
from recon_assets.notices.settings import NoticeSettings, load_notice_settings
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets.transport.redaction import redact

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_LOOK_BACK = dt.timedelta(minutes=10)  # runs are recorded by several machines' clocks; each is taken once all the same


def outbox(settings: Settings) -> Outbox:
    return Outbox(settings.home / NOTICES_FILE)


def notice_sensors() -> list[dg.SensorDefinition]:
    """The sensor when somebody is to be told, or when it is to say what is wrong with the settings; else none."""
    try:
        return [notice_sensor()] if load_notice_settings().channels else []
    except InputError:
        return [notice_sensor()]


def notice_sensor() -> dg.SensorDefinition:
    """Looks at the runs that ended since the last look; what happened before the first one is not told."""

    @dg.sensor(
        name="notices",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells failed runs and checks, final months and large discrepancies by webhook or e-mail "
        "(RECON_WEBHOOK_URL, RECON_MAIL_TO), each once.",
    )
    def notices(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        here, wanted = platform.get(), load_notice_settings()
        if not wanted.channels:
            return dg.SensorResult(skip_reason="Nobody is to be told: neither RECON_WEBHOOK_URL nor RECON_MAIL_TO.")
        box = outbox(here.settings)
        since = dt.datetime.fromisoformat(context.cursor) if context.cursor else here.clock()
        records = ended_runs(context.instance, since) if context.cursor else []
        unread: ReconError | None = None
        for record in records:
            try:
                report = report_of(context.instance, record.dagster_run, here, wanted)
            except ReconError as error:  # the published tables are away, which is when runs fail: those are told now
                unread = error
                continue
            box.add(report, wanted.channels, here.clock())
        sent = sum(box.deliver(channel, sender(channel, wanted), here.clock()) for channel in wanted.channels)
        if unread is not None:
            raise unread
        newest = max([since, *(record.update_timestamp for record in records)])
        return dg.SensorResult(cursor=newest.isoformat(), skip_reason=f"{sent} messages were sent.")

    return notices


def ended_runs(instance: dg.DagsterInstance, since: dt.datetime) -> Sequence[dg.RunRecord]:
    wanted = dg.RunsFilter(statuses=ENDED, updated_after=since - _LOOK_BACK)
    return instance.get_run_records(wanted, order_by="update_timestamp", ascending=True)


def report_of(instance: dg.DagsterInstance, run: dg.DagsterRun, platform: Platform, wanted: NoticeSettings) -> Report:
    """What one ended run has to tell."""
    events = [
        entry.dagster_event
        for entry in instance.all_logs(
            run.run_id,
            of_type={
                dg.DagsterEventType.ASSET_CHECK_EVALUATION,
                dg.DagsterEventType.ASSET_MATERIALIZATION,
                dg.DagsterEventType.STEP_FAILURE,
            },
        )
        if entry.dagster_event is not None
    ]
    months = _months(run)
    same_run = f"failure:{run.job_name}:{months}:"
    checks, passed = _checks(events)
    published, provisional = _publications(events)
    facts = [*_failures(run, events, same_run), *checks]
    for subject, month, is_final in published:
        if is_final:
            facts.append(Fact("month_final", f"final:{subject}:{month}", f"{month} {subject} became final"))
        if wanted.notice_difference is not None:
            facts += large_discrepancies(platform.published, subject, month, wanted.notice_difference)
    succeeded = [same_run] if run.status == dg.DagsterRunStatus.SUCCESS else []
    what = " ".join(part for part in (run.job_name.strip("_").lower(), months) if part)
    state = "failed" if any(fact.kind == "run_failure" for fact in facts) else "has news"
    return Report(
        run.run_id,
        f"{what} {state}",
        f"{platform.settings.dagster_url}/runs/{run.run_id}",
        [Fact(fact.kind, fact.key, redact(fact.text)) for fact in facts if fact.kind in wanted.notices],
        [*succeeded, *passed, *provisional],
    )


def _months(run: dg.DagsterRun) -> str:
    first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    if first and last:
        return first if first == last else f"{first}..{last}"
    return run.tags.get("dagster/partition", "")


def _failures(run: dg.DagsterRun, events: Iterable[dg.DagsterEvent], same_run: str) -> list[Fact]:
    """Why the run failed; nothing when it is run again by itself, or waits for files alone."""
    if run.status != dg.DagsterRunStatus.FAILURE or run.tags.get("dagster/will_retry") == "true":
        return []
    reasons = []
    for event in events:
        if event.event_type != dg.DagsterEventType.STEP_FAILURE:
            continue
        data = event.step_failure_data
        if data.user_failure_data is not None:
            if not (WAITING in data.user_failure_data.metadata and data.user_failure_data.metadata[WAITING].value):
                reasons.append(data.user_failure_data.description or "")
        elif data.error is not None:
            reasons.append((data.error.cause or data.error).message.strip())
    if not reasons and any(event.event_type == dg.DagsterEventType.STEP_FAILURE for event in events):
        return []
    reasons = reasons or ["its process ended"]
    digest = hashlib.sha256(json.dumps(reasons).encode()).hexdigest()[:16]
    return [Fact("run_failure", f"{same_run}{digest}:{n}", reason) for n, reason in enumerate(reasons)]


def _checks(events: Iterable[dg.DagsterEvent]) -> tuple[list[Fact], list[str]]:
    """Failed checks, and the keys of those that passed: their next failure is a new one."""
    failed, passed = [], []
    for event in events:
        if event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        check = event.asset_check_evaluation_data
        key = f"check:{check.asset_key.to_user_string()}:{check.check_name}:{check.partition or ''}:"
        if check.passed:
            passed.append(key)
        else:
            level = "" if check.severity == dg.AssetCheckSeverity.ERROR else " (a warning)"
            asset = check.asset_key.to_user_string()
            failed.append(
                Fact("failed_check", key, f"{check.partition or ''} {asset}: check {check.check_name} failed{level}")
            )
    return failed, passed


def _publications(events: Iterable[dg.DagsterEvent]) -> tuple[list[tuple[str, str, bool]], list[str]]:
    """(subject, month, whether it is final) of each publication, and the keys of those that are not final."""
    published = []
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization
            if made.asset_key.path[0] == "published":
                is_final = made.metadata["window_status"].value == "final"
                published.append((made.asset_key.path[1], made.partition or "", is_final))
    return published, [f"final:{subject}:{month}" for subject, month, is_final in published if not is_final]
