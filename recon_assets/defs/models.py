"""The dbt models of a subject as assets, their tests as checks recorded per month, and when they are brought up to date."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from recon_assets.defs.metadata import model_metadata, month_link
from recon_assets.defs.partitions import window_mapping
from recon_assets.defs.raw import OWNERS
from recon_assets.defs.resources import PlatformResource
from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.project import manifest_folder, source_windows

# Raw relations that hold rows of every source of a subject.
_ALL_SOURCES = {"loads", "quarantined_rows"}


def keep_up_to_date() -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Build a month again whenever a raw month of its window changes, late ones included.

    Unlike `eager` it holds for every month, not the latest alone, and does not wait for the months of the window that
    have not landed. A dependency whose blocking check failed holds it back.
    """
    condition = dg.AutomationCondition
    changed = condition.any_deps_updated().since(
        condition.newly_requested() | condition.newly_updated() | condition.initial_evaluation()
    )
    failed = condition.any_deps_match(condition.any_checks_match(condition.check_failed(), blocking_only=True))
    return (changed & ~condition.in_progress() & ~condition.any_deps_in_progress() & ~failed).with_label(
        "keep_up_to_date"
    )


class SubjectTranslator(DagsterDbtTranslator):
    """Keys, groups, partitions and checks of one subject's models; shared marts get a key per subject."""

    def __init__(self, subject: str, partitions: dg.PartitionsDefinition) -> None:  # type: ignore[type-arg]
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._subject = subject
        self._partitions = partitions

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        name = dbt_resource_props["name"]
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["raw", dbt_resource_props["meta"].get("source", name)])
        if dbt_resource_props["resource_type"] == "seed":
            return dg.AssetKey(["seeds", name])
        layer = dbt_resource_props["config"]["schema"]
        shared = [self._subject] if "shared" in dbt_resource_props["tags"] else []
        return dg.AssetKey([layer, *shared, name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return "staging" if dbt_resource_props["config"].get("schema") == "staging" else "marts"

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition | None:  # type: ignore[type-arg]
        return keep_up_to_date() if dbt_resource_props["resource_type"] == "model" else None

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return OWNERS

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> dict[str, str]:
        return {"subject": self._subject}

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        mappings = {dg.AssetKey(["raw", w.source]): window_mapping(w) for w in source_windows(self._subject)}
        deps: dict[dg.AssetKey, dg.AssetDep] = {}
        for dep in spec.deps:
            everything = dep.asset_key.path[0] == "raw" and dep.asset_key.path[-1] in _ALL_SOURCES
            keys = list(mappings) if everything else [dep.asset_key]
            for key in keys:
                foreign = key.path[-1].startswith("int_") and not key.path[-1].startswith(f"int_{self._subject}__")
                if key.path[0] != "seeds" and not foreign:  # shared marts name the models of every subject
                    deps[key] = dg.AssetDep(key, partition_mapping=mappings.get(key))
        return spec.replace_attributes(deps=list(deps.values()))

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        # Not blocking to Dagster, which would stop every month of a range for one: publishing refuses month by month.
        return spec._replace(partitions_def=self._partitions, blocking=False)


def subject_models(subject: str, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    """The models of one subject: built together, for a month or a range of months, in a database private to the run."""
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    translator = SubjectTranslator(subject, partitions)

    @dbt_assets(
        manifest=manifest,
        select=f"tag:{subject},resource_type:model tag:shared,resource_type:model",
        name=f"{subject}_models",
        partitions_def=partitions,
        dagster_dbt_translator=translator,
        # One dbt call for a range: fixed costs far exceed query time (design.md, rule 4).
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="build",
    )
    def models(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        here = platform.get()
        months = list(context.partition_keys)
        build = run_build(here.settings, subject, months, context.run_id, here.clock().date())
        build.save()
        marts = published_marts()
        metadata = model_metadata(build, months, marts)
        keys = {node.unique_id: translator.get_asset_key(manifest["nodes"][node.unique_id]) for node in build.nodes}
        for (unique_id, month), values in metadata.items():
            if keys[unique_id] in context.selected_asset_keys:
                link = {"page": month_link(here, subject, month)} if keys[unique_id].path[0] == "marts" else {}
                context.add_asset_metadata({**values, **link}, keys[unique_id], month)
        for node in build.nodes:  # in the order they were built, as Dagster wants them
            if keys[node.unique_id] in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=keys[node.unique_id])
        _report_checks(context, build)

    return models


def _report_checks(context: dg.AssetExecutionContext, build: Build) -> None:
    """Record each test for each month; they do not stop the run, publishing decides month by month.

    Yielded results would be stored without a partition when the run covers a range.
    """
    keys = {key.name: key for key in context.selected_asset_check_keys}
    for check in build.checks:
        if check.name in keys:
            context.log_event(
                dg.AssetCheckEvaluation(  # type: ignore[arg-type]
                    asset_key=keys[check.name].asset_key,
                    check_name=check.name,
                    passed=check.passed,
                    metadata={"failing_rows": dg.MetadataValue.int(check.failures)},
                    severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
                    blocking=check.blocking,
                    partition=check.month,
                )
            )
