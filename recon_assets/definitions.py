"""Assembly of the code location, nothing else."""

from collections.abc import Iterable

import dagster as dg

from recon_assets.catalogue import SUBJECTS
from recon_assets.defs.automation import (
    all_job,
    all_schedules,
    automation_sensor,
    landing_sensor,
    load_and_reconcile_job,
    load_job,
    subject_job,
)
from recon_assets.defs.claim import claim_home
from recon_assets.defs.downloads import (
    BSS_DOWNLOAD,
    RECONCILIATION_DOWNLOAD,
    USAGE_DOWNLOAD,
    bss_download_asset,
    reconciliation_download_asset,
    sharepoint_download_asset,
    usage_download_asset,
)
from recon_assets.defs.issues import issues_asset, issues_job
from recon_assets.defs.launcher import end_when_runs_are_not_watched
from recon_assets.defs.models import decisions_spec, leave_blocking_to_publishing, subject_models
from recon_assets.defs.notices import notice_sensors
from recon_assets.defs.partitions import month_partitions
from recon_assets.defs.published import publication_asset
from recon_assets.defs.raw import landing_specs, raw_assets
from recon_assets.defs.resources import platform_resource
from recon_assets.platform import Platform

_FETCHED_BY = {
    "azure_invoice_usage": USAGE_DOWNLOAD,
    "bss_invoices": BSS_DOWNLOAD,
    "ms_recon_nce": RECONCILIATION_DOWNLOAD,
}


def build_definitions(platform: Platform | None = None, subjects: Iterable[str] = SUBJECTS) -> dg.Definitions:
    """The code location; `platform` only decides which months exist and which settings schedules take.

    With `subjects` it has the models of those alone: putting together the others takes longer than a small run.
    """
    platform = platform or Platform.from_settings()
    leave_blocking_to_publishing()
    partitions = month_partitions(platform)
    models = {subject: subject_models(subject, partitions) for subject in subjects}
    loading = load_job(partitions)
    jobs = {subject: subject_job(subject, partitions) for subject in models}
    return dg.Definitions(
        assets=[
            *landing_specs(partitions, _FETCHED_BY),
            usage_download_asset(partitions),
            reconciliation_download_asset(partitions),
            bss_download_asset(),
            sharepoint_download_asset(),
            *raw_assets(partitions),
            *models.values(),
            *(publication_asset(subject, models[subject], partitions) for subject in models),
            issues_asset(),
            decisions_spec(),
        ],
        jobs=[
            loading,
            *jobs.values(),
            *(load_and_reconcile_job(subject, partitions) for subject in models),
            all_job(partitions),
            issues_job(),
        ],
        schedules=all_schedules(jobs, platform.settings),
        sensors=[
            *(landing_sensor(subject, loading, partitions, platform.settings.sensor_seconds) for subject in models),
            automation_sensor(platform.settings.sensor_seconds),
            *notice_sensors(),
        ],
        resources={"platform": platform_resource(platform.settings)},
        loggers={"console": dg.json_console_logger} if platform.settings.log_format == "json" else None,
        # dbt, DuckDB and Delta use all cores themselves; a process per step would cost more than it brings.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    from recon_assets.transport.http import log_hosts_alone  # of what downloads, which `recon run` does not

    end_when_runs_are_not_watched()
    log_hosts_alone()
    platform = Platform.from_settings()
    claim_home(platform.settings)
    return build_definitions(platform)
