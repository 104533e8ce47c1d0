"""Publications as assets, one per subject: a month is materialized when readers see it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from recon_assets.defs.closings import closing_observation
from recon_assets.defs.metadata import month_link, publication_metadata
from recon_assets.defs.models import build_for_publication, keep_up_to_date
from recon_assets.defs.raw import OWNERS
from recon_assets.defs.resources import PlatformResource
from recon_assets.pipeline.build import Build, build_folder, remove_build, remove_old_builds
from recon_assets.pipeline.publish import MonthOutcome, publish_build

WAITING = "waiting_for_files"  # metadata of a failure: nothing is wrong but that files have not landed yet


def publication_asset(
    subject: str,
    models: dg.AssetsDefinition,
    partitions: dg.PartitionsDefinition,  # type: ignore[type-arg]
) -> dg.AssetsDefinition:
    key = dg.AssetKey(["published", subject])
    marts = sorted(k for k in models.keys if k.path[0] == "marts")

    @dg.multi_asset(
        name=f"publish_{subject}",
        specs=[
            dg.AssetSpec(
                key,
                deps=marts,
                partitions_def=partitions,
                group_name="published",
                description=f"What readers see of {subject}: Delta tables and the publications log, month by month. "
                "Materialized alone it builds the marts first; only months whose blocking checks passed are published.",
                owners=OWNERS,
                kinds={"deltalake"},
                tags={"subject": subject},
                automation_condition=keep_up_to_date(),
                skippable=True,
            )
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="publish",
    )
    def publish(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        here = platform.get()
        is_built = (build_folder(here.settings, context.run_id) / "build.json").is_file()
        build = Build.load(here.settings, context.run_id) if is_built else build_for_publication(context, here, models)
        refused: list[MonthOutcome] = []
        for outcome in publish_build(
            build, here.published, here.raw, context.run_id, here.clock, here.settings.build_memory_limit
        ):
            if outcome.closing is not None:
                text = f"{outcome.closing.text}: it was not published. `recon reopen` allows it again."
                said = closing_observation(outcome.closing, text, changes_not_published=outcome.changes)
                context.log_event(said)
                continue
            if outcome.publication is None:
                refused.append(outcome)
                continue
            # Reported per month: an output would mark every month of a range, refused ones included.
            told = {**publication_metadata(outcome), "page": month_link(here, subject, outcome.month)}
            context.log_event(dg.AssetMaterialization(key, partition=outcome.month, metadata=_metadata(outcome) | told))
        remove_old_builds(here.settings, here.clock())
        if refused:
            texts = [f"{outcome.month}: {'; '.join(outcome.reasons)}" for outcome in refused]
            raise dg.Failure(
                "Not published, what was published before stays. " + " | ".join(texts),
                metadata={WAITING: all(outcome.is_waiting for outcome in refused)},
                allow_retries=False,
            )
        remove_build(here.settings, context.run_id)
        yield from ()

    return publish


def _metadata(outcome: MonthOutcome) -> dict[str, Any]:
    publication = outcome.publication
    assert publication is not None
    return {
        "window_status": outcome.window_status,
        "published_at": dg.MetadataValue.timestamp(publication.published_at),
        "versions": dg.MetadataValue.json({name: mart.version for name, mart in publication.marts.items()}),
    }
