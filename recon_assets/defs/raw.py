"""Raw months as assets, one per source: load, audit, and replace the month only when every audit passed."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from recon_assets.catalogue import SOURCES, Source, source_windows
from recon_assets.defs.metadata import raw_metadata
from recon_assets.defs.resources import PlatformResource

if TYPE_CHECKING:
    from recon_assets.sources.audits import Check

OWNERS = ["team:finops"]
AUDITS: dict[Literal["schema", "row_count", "quarantine_share", "control_totals", "repeats"], str] = {
    "schema": "Every landed file has its header and is read to its end; every row fulfils the Pandera contract.",
    "row_count": "Every record that was read is loaded or quarantined.",
    "quarantine_share": "The share of quarantined rows is within the limit (RECON_QUARANTINE_LIMIT).",
    "control_totals": "What the totals rows of lists say is what their rows add up to.",
    "repeats": "No two files share half their records without one holding the other whole.",
}


def landing_specs(
    partitions: dg.PartitionsDefinition,  # type: ignore[type-arg]
    fetched_by: Mapping[str, dg.AssetKey],
) -> list[dg.AssetSpec]:
    """The landed files as external assets, which the sensors report; `fetched_by` names the download of a source."""
    return [
        dg.AssetSpec(
            ["landing", source.name],
            deps=[fetched_by[source.name]] if source.name in fetched_by else [],
            group_name="landing",
            description=f"Files below `{source.prefix}`. {source.description}",
            partitions_def=partitions,
            owners=OWNERS,
            kinds={"csv"},
            tags={"subject": source.subject},
        )
        for source in SOURCES.values()
    ]


def raw_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:  # type: ignore[type-arg]
    return [_raw_asset(source, partitions) for source in SOURCES.values()]


def audit_check_specs(asset: dg.AssetKey, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:  # type: ignore[type-arg]
    """The blocking checks of a raw asset, recorded per month (partitioned checks are a preview API: made only here)."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=text, blocking=True, partitions_def=partitions)
        for name, text in AUDITS.items()
    ]


def _raw_asset(source: Source, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    key = dg.AssetKey(["raw", source.name])
    required = any(w.required for w in source_windows(source.subject) if w.source == source.name)

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["landing", source.name])],
        partitions_def=partitions,
        # A run per month: each has its own audit, and one bad month stops no other.
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        group_name="raw",
        description=f"{source.description} Typed, with quarantine, one Parquet load per month.",
        owners=OWNERS,
        kinds={"duckdb", "parquet", "pandera"},
        tags={"subject": source.subject},
        check_specs=audit_check_specs(key, partitions),
        output_required=False,
    )
    def load(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        here = platform.get()
        month = context.partition_key
        loaded = here.load(source.name, month)
        results = loaded.checks or _nothing_to_audit(source, month)
        checks = [
            dg.AssetCheckResult(check_name=c.name, asset_key=key, passed=c.passed, metadata={"detail": c.detail})
            for c in results
        ]
        if loaded.outcome == "failed":
            yield from checks
            raise dg.Failure("; ".join(loaded.problems), allow_retries=False)
        if loaded.outcome == "absent" and required:
            raise dg.Failure(
                f"No file of {source.name} has landed for {month}; it belongs below {source.prefix}",
                allow_retries=False,
            )
        metadata = (
            raw_metadata(here, loaded.raw_month) if loaded.raw_month else {"dagster/row_count": 0, "files": "none"}
        )
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield from checks  # to Dagster a check is about the newest materialization before it

    return load


def _nothing_to_audit(source: Source, month: str) -> "list[Check]":
    """Outcomes for a month without files: Dagster wants every check of a materialization."""
    from recon_assets.sources.audits import Check  # half a second with polars and pandas

    return [Check(name, True, f"no file of {source.name} has landed for {month}") for name in AUDITS]
