"""A build: raw months in, marts of the target months out, in a DuckDB file private to the run (design.md, rule 3).

On Spark the file holds views over the marts that Spark has made (engines.py).
"""

import datetime as dt
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recon_assets.catalogue import SUBJECTS
from recon_assets.errors import ReconError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.engines import Results, engine_of
from recon_assets.pipeline.project import (
    DATABASE_NAME,
    dbt_paths,
    invoke_dbt,
    load_manifest,
    manifest_folder,
    quiet_dbt_environment,
)
from recon_assets.pipeline.snapshot import late_vars, take_snapshot
from recon_assets.settings import Settings

# Layers whose models are shown with their rows; intermediate models are steps inside a build, some of them views.
ASSET_LAYERS = ("staging", "marts")
_OUTCOME = "build.json"
_PAIRS_LATE = "einvoices"
# Of the macros that come with dbt and its adapter for DuckDB: what dbt looks up by name while it builds. All else
# that a build needs is named by these, by its nodes, or by the project's own macros.
_MATERIALIZED = ("table_duckdb", "view_duckdb", "seed_default", "test_default")
_LOOKED_UP = {
    *(f"materialization_{kind}" for kind in _MATERIALIZED),
    *("check_schema_exists", "create_schema", "drop_relation", "get_columns_in_relation", "get_where_subquery"),
    *("list_relations_without_caching", "list_schemas"),
}


@dataclass(frozen=True)
class NodeResult:
    """What became of one model or seed."""

    unique_id: str
    name: str
    seconds: float
    rows: dict[str, int]  # by month; empty for intermediate models and those without billing_month


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one dbt test for one month. `failures` counts the failing rows of that month."""

    unique_id: str
    name: str
    month: str
    passed: bool
    blocking: bool
    failures: int


@dataclass(frozen=True)
class Build:
    subject: str
    months: list[str]
    database: Path
    nodes: list[NodeResult]
    checks: list[CheckResult]
    decisions: str = ""  # the snapshot of people's decisions that was read, below raw
    late_pairs: dict[str, str] = field(default_factory=dict)  # mark of each month's late pairs, of e-invoices

    def save(self) -> None:
        """Keep the outcome beside the database, for the step that publishes it."""
        content = asdict(self) | {"database": self.database.name}
        self.database.with_name(_OUTCOME).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, settings: Settings, run_id: str) -> "Build":
        folder = build_folder(settings, run_id)
        content = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
        return cls(
            content["subject"],
            content["months"],
            folder / content["database"],
            [NodeResult(**node) for node in content["nodes"]],
            [CheckResult(**check) for check in content["checks"]],
            content["decisions"],
            content["late_pairs"],
        )

    def failed_checks(self, month: str) -> list[CheckResult]:
        return [check for check in self.checks if check.month == month and not check.passed]


def build_folder(settings: Settings, run_id: str) -> Path:
    return settings.build / run_id


def run_build(
    settings: Settings,
    subject: str,
    months: list[str],
    run_id: str,
    as_of: dt.date | None = None,
    published: PublishedStore | None = None,
) -> Build:
    """Build and test the marts of `months` in a new database; ReconError when a model cannot be built.

    Of e-invoices also those to which late pairs of the months belong, and of `published` months whose late pairs are no
    longer what readers see: `months` of the build has them too (spec/einvoice_reconciliation.md, 28). Without
    `published` nothing is published or closed.
    `as_of` is the day by the platform's clock: it decides which usage months have settled and which missing e-invoices
    are overdue, and nothing else. Without it dbt takes today.
    """
    folder = build_folder(settings, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = folder / DATABASE_NAME
    target = folder / "dbt"
    decisions = take_snapshot(settings)
    chosen: dict[str, object] = {
        "target_months": months,
        "subjects": [subject],
        "as_of_date": as_of.isoformat() if as_of else "",
        "decisions_file": decisions,
    }
    if subject == _PAIRS_LATE and published is not None:
        chosen |= late_vars(settings, published)
    variables = json.dumps(settings.dbt_vars() | chosen)
    engine = engine_of(settings)
    # What dbt would write of its project into JSON takes a fifth of a small build, and nobody reads it.
    arguments = ["build", *dbt_paths(target), "--no-write-json", "--target", engine.target, "--vars", variables]
    project = load_manifest(manifest_folder(engine.target))
    _keep_build(project, subject)
    if engine.target == "duckdb":
        _keep_macros(project)
    try:
        with quiet_dbt_environment(database, settings.home, settings.build_memory_limit, engine.environment):
            built = invoke_dbt(arguments, project)
        _require_success(built)
        with engine.results(database, subject) as made:
            late_pairs: dict[str, str] = {}
            if subject == _PAIRS_LATE:
                months = sorted(str(month) for month in made.months("intermediate.int_einvoices__periods"))
                late_pairs = made.values("intermediate.int_einvoices__late_months", "late_pairs")
            nodes = [_node_result(made, result) for result in built.results if _type(result) in ("model", "seed")]
            checks = [
                check
                for result in built.results
                if _type(result) == "test"
                for check in _check_results(made, result, months)
            ]
    finally:
        engine.release()
    return Build(subject, months, database, nodes, checks, decisions, late_pairs)


def _keep_build(project: Any, subject: str) -> None:
    """Cut the project down to a build of one subject: its models, the shared ones, seeds, and the tests of these alone.

    dbt goes through all that it is given several times. Tests wait for every model, as if they were a command of their
    own, so that one that fails in one month keeps no model from being made.
    """
    others = set(SUBJECTS) - {subject}
    built = {
        n.unique_id
        for n in project.nodes.values()
        if _kind(n) != "test" and (subject in n.tags or not others & set(n.tags))
    }
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


def remove_build(settings: Settings, run_id: str) -> None:
    """Remove the build of a published run."""
    shutil.rmtree(build_folder(settings, run_id), ignore_errors=True)


def remove_old_builds(settings: Settings, now: dt.datetime) -> None:
    """Remove what failed or killed runs left longer ago than `build_keep_days`."""
    limit = (now - dt.timedelta(days=settings.build_keep_days)).timestamp()
    for folder in settings.build.glob("*") if settings.build.is_dir() else []:
        if folder.is_dir() and folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
