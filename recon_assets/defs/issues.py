"""The issue log as readers get it: an asset without months, copied after publications and every hour."""

from typing import Any

import dagster as dg

from recon_assets.catalogue import SUBJECTS
from recon_assets.defs.raw import OWNERS
from recon_assets.defs.resources import PlatformResource
from recon_assets.issues.store import open_issues
from recon_assets.pipeline.reported import publish_issues

REPORTED_ISSUES = dg.AssetKey(["issues", "reported_issues"])


def keep_copied() -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Copy after a publication, which may change or remove the rows, and hourly: no event tells of a new issue."""
    condition = dg.AutomationCondition
    published = condition.any_deps_match(condition.newly_updated())
    # Only a request answers: a run under way may have read the months before.
    answered = condition.newly_requested() | condition.initial_evaluation()
    due = (published | condition.cron_tick_passed("0 * * * *")).since(answered)
    return (due & ~condition.in_progress()).with_label("keep_copied")


def issues_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=REPORTED_ISSUES,
        deps=[dg.AssetKey(["published", subject]) for subject in SUBJECTS],
        group_name="issues",
        description="The issues raised on discrepancies, copied whole from the issue store into the published mart "
        "reported_issues, with the difference as it is published now beside the one then. One row per issue.",
        owners=OWNERS,
        kinds={"deltalake"},
        automation_condition=keep_copied(),
        pool="publish",
    )
    def reported_issues(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        here = platform.get()
        copied = publish_issues(open_issues(here.settings, here.clock), here.published, context.run.run_id, here.clock)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": copied.issues,
                "open_issues": copied.still_open,
                "issues_whose_row_has_gone": copied.gone,
                "version": copied.version.version,
                "page": dg.MetadataValue.url(f"{here.settings.app_url}/issues"),
            }
        )

    return reported_issues


def issues_job() -> Any:
    """The job of the hand and of `recon run`; Dagster does not export the type of an unresolved job."""
    return dg.define_asset_job(
        "issues",
        dg.AssetSelection.assets(REPORTED_ISSUES),
        description="Copy the issue log to where readers of the published marts find it.",
    )
