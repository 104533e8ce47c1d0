"""The dbt models of a subject as assets, their tests as checks of a month, and when they are brought up to date."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,  # not public, and there is no other way to date a logged check
)
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from recon_assets.catalogue import SUBJECTS, source_windows
from recon_assets.defs.metadata import model_metadata, month_link
from recon_assets.defs.partitions import window_mapping
from recon_assets.defs.raw import OWNERS
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import NotListed
from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.dbt_build import ASSET_LAYERS
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import landed_files, plan_loads
from recon_assets.pipeline.project import manifest_folder
from recon_assets.pipeline.snapshot import decision_count
from recon_assets.platform import Platform

PLANNED = "recon/pid"  # tag of runs that `recon run` starts, which loads what is in reach before
DECISIONS = dg.AssetKey(["issues", "decisions"])
# Raw relations that hold rows of every source of a subject.
_ALL_SOURCES = {"intake_files", "loads", "quarantined_rows"}


def keep_up_to_date() -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Build a month again whenever a raw month of its window changes, late ones included.

    Unlike `eager` it holds for every month, not the latest alone, and does not wait for the months of the window that
    have not landed. A raw month whose blocking check failed holds back every month whose window holds it.
    """
    condition = dg.AutomationCondition
    raw_changed = condition.any_deps_match(condition.newly_updated()).allow(dg.AssetSelection.groups("raw"))
    changed = raw_changed | condition.any_deps_match(condition.will_be_requested())
    changed_ever = changed.since(condition.initial_evaluation())
    # Only a request made after the change answers it: a run under way may have read the raw month before.
    answered = condition.newly_requested().since(changed)
    idle = ~condition.in_progress() & ~condition.any_deps_in_progress()
    return (changed_ever & ~answered & idle & ~_raw_failed()).with_label("keep_up_to_date")


def _raw_failed() -> dg.AutomationCondition:  # type: ignore[type-arg]
    """A blocking check failed in a raw month above: of a staging model, a mart (through staging) or a publication."""
    condition = dg.AutomationCondition
    failed = condition.any_checks_match(condition.check_failed(), blocking_only=True)
    # Of raw months alone: a failed dbt test must not hold back the build that mends it.
    staging = condition.any_deps_match(failed).allow(dg.AssetSelection.groups("raw"))
    mart = condition.any_deps_match(staging)
    return staging | mart | condition.any_deps_match(mart)


def is_built_with(node: Mapping[str, Any], subject: str) -> bool:
    """Whether a model is built in a subject's runs: its own, and those that all subjects share."""
    return bool({subject, "shared"} & set(node["tags"]))


def visible_parents(manifest: Mapping[str, Any], unique_id: str, subject: str) -> list[str]:
    """Parents of a model that are assets of its subject, seen through intermediate models and seeds.

    Intermediate models are steps inside a build: dbt's own lineage shows them, an event per month would only cost time.
    What a shared mart reads of other subjects is not there in a subject's build.
    """
    found: list[str] = []
    seen: set[str] = set()
    waiting = list(manifest["parent_map"].get(unique_id, []))
    while waiting:
        parent = waiting.pop(0)
        if parent in seen:
            continue
        seen.add(parent)
        node = manifest["nodes"].get(parent)
        if parent.startswith("source."):
            found.append(parent)
        elif parent.startswith("model.") and is_built_with(node, subject):
            if node["config"].get("schema") in ASSET_LAYERS:
                found.append(parent)
            else:
                waiting = [*manifest["parent_map"].get(parent, []), *waiting]
    return found


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
        for parent in visible_parents(manifest, unique_id, self._subject):
            props = self.get_resource_props(manifest, parent)
            if props["resource_type"] == "source" and props["name"] == DECISIONS.path[-1]:
                deps[DECISIONS] = dg.AssetDep(DECISIONS)
            everything = props["resource_type"] == "source" and props["name"] in _ALL_SOURCES
            for key in list(mappings) if everything else [self.get_asset_key(props)]:
                if props["resource_type"] == "source" and key not in mappings:
                    continue  # another subject's source, read by a shared mart
                deps[key] = dg.AssetDep(key, partition_mapping=mappings.get(key))
        return spec.replace_attributes(deps=list(deps.values()))

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        models = [n for n in manifest["parent_map"].get(unique_id, []) if n.startswith("model.")]
        is_others = set(manifest["nodes"][unique_id]["tags"]) & (set(SUBJECTS) - {self._subject})
        if spec is None or is_others or not all(is_built_with(manifest["nodes"][m], self._subject) for m in models):
            return None  # a test of another subject, or one that also reads its models, is run with that subject
        # It blocks the publication of its month. Dagster stops nothing for it, which would hold back every month of a
        # range for one: results are logged by month, not yielded (_report_checks).
        blocking = str(manifest["nodes"][unique_id]["config"]["severity"]).upper() == "ERROR"
        return spec._replace(
            partitions_def=self._partitions,
            blocking=blocking,
            additional_deps=[],
            description=spec.description or _check_description(spec.name, blocking),
        )


def _check_description(name: str, blocking: bool) -> str:
    words = name.replace("_", " ")
    kind = "a month in which it fails is not published" if blocking else "it warns, the month is published all the same"
    return f"{words[:1].upper()}{words[1:]}. A dbt test of each month: {kind}. What to do: docs/runbook.md."


def leave_blocking_to_publishing() -> None:
    """Keep Dagster from warning, once for each check of each run, that no result of it was yielded."""
    logger = logging.getLogger("dagster._core.execution.plan.active")
    if not any(isinstance(known, _LoggedByMonth) for known in logger.filters):
        logger.addFilter(_LoggedByMonth())


class _LoggedByMonth(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "emitted no result" not in record.getMessage()


def subject_models(subject: str, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    """The models of one subject: built together, for a month or a range of months, in a database private to the run."""
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    translator = SubjectTranslator(subject, partitions)

    @dbt_assets(
        manifest=manifest,
        select=f"tag:{subject},resource_type:model tag:shared,resource_type:model",
        exclude="config.schema:intermediate",
        name=f"{subject}_models",
        partitions_def=partitions,
        dagster_dbt_translator=translator,
        # One dbt call for a range: fixed costs far exceed query time (design.md, rule 4).
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="build",
    )
    def models(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        here = platform.get()
        build = _make(context, here, subject)
        asked = set(context.partition_keys)  # a build may have more: those that its late pairs touch
        for key, metadata in _made_assets(here, build, manifest, translator):  # in their order, as Dagster wants them
            if key in context.selected_asset_keys:
                for month in build.months:
                    if month in asked:
                        context.add_asset_metadata(metadata[month], key, month)
                    else:
                        context.log_event(dg.AssetMaterialization(key, partition=month, metadata=metadata[month]))
                yield dg.MaterializeResult(asset_key=key)
        _report_checks(context, build, context.selected_asset_check_keys)

    return models


def build_for_publication(context: dg.AssetExecutionContext, platform: Platform, models: dg.AssetsDefinition) -> Build:
    """Build the models of a publication that was asked for alone; what was built and checked is recorded as theirs."""
    subject = context.assets_def.key.path[-1]
    assert context.assets_def.partitions_def is not None
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    build = _make(context, platform, subject)
    translator = SubjectTranslator(subject, context.assets_def.partitions_def)
    for key, metadata in _made_assets(platform, build, manifest, translator):
        for month in build.months if key in models.keys else []:
            context.log_event(dg.AssetMaterialization(key, partition=month, metadata=metadata[month]))
    _report_checks(context, build, models.check_keys)
    return build


def _make(context: dg.AssetExecutionContext, platform: Platform, subject: str) -> Build:
    months = list(context.partition_keys)
    if PLANNED not in context.run.tags:
        _report_unread(context, platform, subject, months)
    today = platform.clock().date()
    build = run_build(platform.settings, subject, months, context.run_id, today, platform.published)
    build.save()
    _report_decisions(context, platform, build)
    return build


def _report_unread(context: dg.AssetExecutionContext, platform: Platform, subject: str, months: list[str]) -> None:
    """Say which raw months in reach of the months are not what would be loaded now: the build takes what is loaded."""
    try:
        unread = plan_loads(subject, months, landed_files(platform.landing, subject), platform)
    except NotListed as error:
        context.log.warning(f"What has landed since the last load is not known. {error}")
        return
    if unread:
        named = ", ".join(f"{load.source} {load.month}" for load in unread)
        context.log.warning(
            f"The build takes what is loaded. Not loaded, or with other files or read in another way since: {named}. "
            "Materialize these raw months first."
        )


def _made_assets(
    platform: Platform, build: Build, manifest: Mapping[str, Any], translator: SubjectTranslator
) -> Iterator[tuple[dg.AssetKey, dict[str, dict[str, Any]]]]:
    """Key of every node that was built, and its metadata by month."""
    marts = published_marts()
    metadata = model_metadata(build, build.months, marts)
    for node in build.nodes:
        told = {}
        for month in build.months:
            link = {"page": month_link(platform, build.subject, month)} if node.name in marts else {}
            told[month] = {**metadata[node.unique_id, month], **link}
        yield translator.get_asset_key(manifest["nodes"][node.unique_id]), told


def decisions_spec() -> dg.AssetSpec:
    """What people decided; outside the group `raw`, whose changes start builds."""
    return dg.AssetSpec(
        DECISIONS,
        description="Decisions of people about rows and pairs, kept in the database of the issues. A build reads those "
        "that hold as a file that is named by its content; the observation names the file and the run.",
        group_name="issues",
        owners=OWNERS,
        kinds={"parquet"},
    )


def _report_decisions(context: dg.AssetExecutionContext, platform: Platform, build: Build) -> None:
    metadata: dict[str, Any] = {
        "snapshot": build.decisions,
        "dagster/row_count": decision_count(platform.settings, build.decisions),
    }
    context.log_event(dg.AssetObservation(DECISIONS, metadata=metadata))


def _report_checks(context: dg.AssetExecutionContext, build: Build, selected: Iterable[dg.AssetCheckKey]) -> None:
    """Record each test for each month; they do not stop the run, publishing decides month by month.

    Yielded results would be stored without a partition when the run covers a range.
    """
    keys = {key.name: key for key in selected}
    targets = {asset: _targets(context.instance, asset, build.months) for asset in {k.asset_key for k in keys.values()}}
    for check in build.checks:
        if check.name in keys:
            context.log_event(
                dg.AssetCheckEvaluation(  # type: ignore[arg-type]
                    asset_key=keys[check.name].asset_key,
                    check_name=check.name,
                    passed=check.passed,
                    metadata={"failing_rows": dg.MetadataValue.int(check.failures)},
                    target_materialization_data=targets[keys[check.name].asset_key].get(check.month),
                    severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
                    blocking=check.blocking,
                    partition=check.month,
                )
            )


def _targets(
    instance: dg.DagsterInstance, asset: dg.AssetKey, months: list[str]
) -> dict[str | None, AssetCheckEvaluationTargetMaterializationData]:
    """The newest materialization by month: a check that names another one counts as outdated."""
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=months)
    records = instance.fetch_materializations(wanted, limit=len(months)).records
    return {
        r.partition_key: AssetCheckEvaluationTargetMaterializationData(
            storage_id=r.storage_id, run_id=r.run_id, timestamp=r.timestamp
        )
        for r in reversed(records)
    }
