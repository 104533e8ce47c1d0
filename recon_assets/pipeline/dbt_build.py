"""One build by dbt, in dbt's process (dbt_worker.py): a subject's part of the project, and what came of its nodes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon_assets.catalogue import SUBJECTS
from recon_assets.errors import ReconError
from recon_assets.pipeline.dbt_job import PAIRS_LATE, CheckResult, Job, Made, NodeResult
from recon_assets.pipeline.engines import Results, engine_named
from recon_assets.pipeline.project import (
    DATABASE_NAME,
    dbt_paths,
    invoke_dbt,
    load_manifest,
    manifest_folder,
    quiet_dbt_environment,
)

# Layers whose models are shown with their rows; intermediate models are steps inside a build, some of them views.
ASSET_LAYERS = ("staging", "marts")
# Of the macros that come with dbt and its adapter for DuckDB: what dbt looks up by name while it builds. All else
# that a build needs is named by these, by its nodes, or by the project's own macros.
_MATERIALIZED = ("table_duckdb", "view_duckdb", "seed_default", "test_default")
_LOOKED_UP = {
    *(f"materialization_{kind}" for kind in _MATERIALIZED),
    *("check_schema_exists", "create_schema", "drop_relation", "get_columns_in_relation", "get_where_subquery"),
    *("list_relations_without_caching", "list_schemas"),
}


@dataclass(frozen=True)
class Parsed:
    """The project as it was parsed for an engine."""

    folder: Path
    manifest: Any  # dbt's Manifest; a build cuts it down in its place


def parsed_project(engine: str) -> Parsed:
    """The project, ready to be built; ReconError when the engine is not installed or dbt cannot read the project."""
    folder = manifest_folder(engine_named(engine).target)
    manifest = load_manifest(folder)
    if engine == "duckdb":
        _keep_macros(manifest)
    return Parsed(folder, manifest)


def tell_nobody() -> None:
    """Have dbt make no message of what it does, 1,300 in a small build: there is no log and no listener for them."""
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager

    class Silent(EventManager):
        def fire_event(
            self, e: Any, level: Any = None, node: Any = None, force_warn_or_error_handling: bool = False
        ) -> None:
            if force_warn_or_error_handling:  # a warning that settings may make an error
                super().fire_event(e, level, node, force_warn_or_error_handling)

    ctx_set_event_manager(Silent())


def run_nothing(engine: str, parsed: Parsed, folder: Path) -> None:
    """Have dbt run a command without a node, in an empty folder: a third of what a small build takes is done once.

    ReconError when dbt cannot read its settings.
    """
    from dbt.contracts.graph.manifest import Manifest
    from dbt.task import build  # noqa: F401 (dbt imports it when it knows the command)

    nothing = Manifest(macros=parsed.manifest.macros, metadata=parsed.manifest.metadata)
    arguments = ["compile", *dbt_paths(folder / "dbt"), "--no-write-json", "--target", engine]
    with quiet_dbt_environment(folder / DATABASE_NAME, folder):
        invoke_dbt(arguments, nothing)


def build_marts(job: Job, parsed: Parsed | None = None) -> Made:
    """Build and test the marts of a job; ReconError when a model cannot be built.

    `parsed` is used up. It is taken if the project's files are still as they were.
    """
    engine = engine_named(job.engine)
    if parsed is None or parsed.folder != manifest_folder(engine.target):
        parsed = parsed_project(job.engine)
    _keep_build(parsed.manifest, job.subject)
    database = Path(job.database)
    # What dbt would write of its project into JSON takes a fifth of a small build, and nobody reads it.
    paths = [*dbt_paths(database.with_name("dbt")), "--no-write-json"]
    arguments = ["build", *paths, "--target", engine.target, "--vars", json.dumps(job.variables)]
    try:
        with quiet_dbt_environment(database, Path(job.home), job.memory_limit, job.environment):
            built = invoke_dbt(arguments, parsed.manifest)
        _require_success(built)
        with engine.results(database, job.subject) as results:
            return _made(job, built, results)
    finally:
        engine.release()


def _made(job: Job, built: Any, results: Results) -> Made:
    months, late_pairs = job.months, dict[str, str]()
    if job.subject == PAIRS_LATE:
        months = sorted(str(month) for month in results.months("intermediate.int_einvoices__periods"))
        late_pairs = results.values("intermediate.int_einvoices__late_months", "late_pairs")
    nodes = [_node_result(results, result) for result in built.results if _type(result) in ("model", "seed")]
    tests = [result for result in built.results if _type(result) == "test"]
    checks = [check for result in tests for check in _check_results(results, result, months)]
    return Made(months, late_pairs, nodes, checks)


def _keep_build(project: Any, subject: str) -> None:
    """Cut the project down to a build of one subject: its models, the shared ones, seeds that they read, their tests.

    dbt goes through all that it is given several times. Tests wait for every model, as if they were a command of their
    own, so that one that fails in one month keeps no model from being made.
    """
    others = set(SUBJECTS) - {subject}
    built = {
        n.unique_id
        for n in project.nodes.values()
        if _kind(n) != "test" and (subject in n.tags or not others & set(n.tags))
    }
    read = {parent for name in built for parent in project.nodes[name].depends_on_nodes}
    built = {name for name in built if _kind(project.nodes[name]) != "seed" or name in read}
    tests = {
        n.unique_id
        for n in project.nodes.values()
        if _kind(n) == "test" and (subject in n.tags or built.issuperset(n.depends_on.nodes))
    }
    project.nodes = {name: node for name, node in project.nodes.items() if name in built | tests}
    project.exposures, project.unit_tests = {}, {}
    models = [name for name in built if name.startswith("model.")]
    for name, node in project.nodes.items():
        if name in tests:
            node.depends_on.nodes = sorted({*node.depends_on.nodes, *models})
        elif name in models:  # a shared one names the models of every subject
            parents = node.depends_on.nodes
            node.depends_on.nodes = [parent for parent in parents if parent in built or parent in project.sources]


def _keep_macros(project: Any) -> None:
    """Leave out the macros that nothing reaches, more than half: dbt goes through all of them for every node."""
    macros = project.macros
    wanted = [name for node in project.nodes.values() for name in node.depends_on.macros]
    for name, macro in macros.items():
        if macro.package_name == project.metadata.project_name or macro.name.rpartition("__")[2] in _LOOKED_UP:
            wanted.append(name)
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in macros and name not in kept:
            kept.add(name)
            wanted += macros[name].depends_on.macros
    project.macros = {name: macro for name, macro in macros.items() if name in kept}


def _kind(node: Any) -> str:
    return str(node.resource_type)


def _type(result: Any) -> str:
    return _kind(result.node)  # hooks are results too


def _require_success(result: Any) -> None:
    made = (r for r in result.results if _type(r) != "test")
    broken = [f"{r.node.name}: {r.message}" for r in made if r.status not in ("success", "pass")]
    if broken:
        raise ReconError("dbt could not build " + "; ".join(broken))


def _node_result(made: Results, result: Any) -> NodeResult:
    node = result.node
    rows: dict[str, int] = {}
    if node.config.schema in ASSET_LAYERS and "billing_month" in node.columns:
        rows = {str(month): count for month, count in made.months(_relation(node)).items()}
    return NodeResult(node.unique_id, node.name, result.execution_time, rows)


def _check_results(made: Results, result: Any, months: list[str]) -> list[CheckResult]:
    """One result per month: failing rows that name a month count for it alone, others for every month."""
    node = result.node
    blocking = str(node.config.severity).upper() == "ERROR"
    failures: dict[str | None, int] = {}
    if result.status in ("fail", "warn"):
        failures = _failures_by_month(made, node)
    elif result.status != "pass":
        failures = {None: 1}
    everywhere = failures.get(None, 0)
    counts = {month: failures.get(month, 0) + everywhere for month in months}
    return [
        CheckResult(node.unique_id, node.name, month, count == 0, blocking, count) for month, count in counts.items()
    ]


def _failures_by_month(made: Results, node: Any) -> dict[str | None, int]:
    relation = _relation(node)
    if "billing_month" not in made.columns(relation):
        return {None: made.count(relation)}
    return made.months(relation)


def _relation(node: Any) -> str:
    return f"{node.schema}.{node.alias}"
