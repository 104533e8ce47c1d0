"""The dbt project itself: its unit tests pass, and every model says what it holds and at which grain."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recon_assets.catalogue import SUBJECTS
from recon_assets.pipeline.engines import DuckDBEngine
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.project import (
    DATABASE_NAME,
    PROJECT_DIR,
    dbt_paths,
    invoke_dbt,
    load_manifest,
    manifest_folder,
    quiet_dbt_environment,
)
from recon_assets_tests.dbt.conftest import BuildOf, Built

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def rows_of(random_build: BuildOf, sample_build_of: Callable[[str], Built]) -> Callable[[str, str], Rows]:
    """`rows_of(subject, sql)`, in a build of the subject in which every model has rows."""
    builds: dict[str, Callable[[], Built]] = {
        "subscriptions": lambda: random_build(1),
        "usage": lambda: sample_build_of("usage"),
        "einvoices": lambda: sample_build_of("einvoices"),
    }
    return lambda subject, sql: builds[subject]().rows(sql)


def subjects_of(model: dict[str, Any]) -> list[str]:
    """Subjects whose builds hold a model; a shared one is in all."""
    return [subject for subject in SUBJECTS if {subject, "shared"} & set(model["tags"])]


def test_every_model_belongs_to_one_subject_or_to_all(models: dict[str, dict[str, Any]]) -> None:
    assert {name: len(subjects_of(model)) for name, model in models.items()} == {
        name: len(SUBJECTS) if "shared" in model["tags"] else 1 for name, model in models.items()
    }


def test_the_unit_tests_of_the_models_pass(random_build: BuildOf, manifest: dict[str, Any], tmp_path: Path) -> None:
    # They look up the columns of what they replace, so they run on the database of a build.
    built = random_build(1)
    shutil.copyfile(built.build.database, tmp_path / DATABASE_NAME)
    with quiet_dbt_environment(tmp_path / DATABASE_NAME, built.platform.settings.home):
        try:
            arguments = ["test", "--select", "test_type:unit", *dbt_paths(tmp_path)]
            results = invoke_dbt(arguments, load_manifest(manifest_folder())).results
        finally:
            DuckDBEngine().release()
    tests = {r.node.name: str(r.status) for r in results if str(r.node.resource_type) == "unit_test"}
    assert tests == dict.fromkeys(tests, "pass"), [r.message for r in results]
    assert len(tests) == len(manifest["unit_tests"]) >= 9


# The sample plants no record of a uuid twice, nor two register rows that only their order tells apart; random data does
# (einvoices/test_against_oracle.py). Nor a newer run with fewer days (usage/test_microsoft_files.py). What people decided
# is no file (einvoices/test_decisions.py), no register of the sample names a UUID (einvoices/test_against_oracle.py), and
# it has no aggregated usage (oracle/test_usage_oracle.py). Its rejected documents are in no other record.
EMPTY_IN_THE_SAMPLE = {
    "stg_myinvois__superseded", "int_einvoices__repeated_keys", "int_usage__lacking_days", "int_usage__partial_exports",
    "int_einvoices__rejected",
    "int_einvoices__manual", "int_einvoices__manual_pairs", "int_einvoices__decided", "int_einvoices__uuid_matches",
    "int_einvoices__uuid_settled", "int_einvoices__uuid_candidates", "int_einvoices__uuid_pairs", "int_usage__promotions",
    "int_subscriptions__partner_names", "int_einvoices__late_pairs", "int_einvoices__line_gaps",
    "int_einvoices__line_members", "int_einvoices__late_months", "int_einvoices__late_matches",
    "int_einvoices__late_candidates", "int_einvoices__line_numbers", "int_einvoices__late_documents",
    "int_einvoices__group_shares",
}  # fmt: skip


def test_every_model_is_described_and_ends_with_its_grain(models: dict[str, dict[str, Any]]) -> None:
    for name, model in models.items():
        sentences = model["description"].strip().removesuffix(".").split(". ")
        assert sentences[-1].startswith("One row per "), name
        assert len(sentences) > 1, name
        assert Path(model["patch_path"].split("://")[1]).name == f"{name}.yml", "one file per model, beside it"


@pytest.mark.parametrize(("subject", "fewest"), [("subscriptions", 4), ("usage", 3), ("einvoices", 7)])
def test_an_enumeration_of_a_mart_has_the_values_that_its_check_allows(
    subject: str,
    fewest: int,
    manifest: dict[str, Any],
    models: dict[str, dict[str, Any]],
    rows_of: Callable[[str, str], Rows],
) -> None:
    # A value that an enumeration lacks ends the build, one that it has besides fails the check. Enumerations of what a
    # table holds have the empty text, too.
    checks = [n for n in manifest["nodes"].values() if (n.get("test_metadata") or {}).get("name") == "known_values"]
    found = {}
    for check in checks:
        name = manifest["nodes"][check["attached_node"]]["name"]
        if "shared" in models[name]["tags"] or subject not in models[name]["tags"]:
            continue
        types = {row["column_name"]: row["column_type"] for row in rows_of(subject, f"describe marts.{name}")}
        for column, values in check["test_metadata"]["kwargs"]["allowed"].items():
            enumeration = set(re.findall(r"'([^']*)'", types[column]))
            if enumeration and "" not in enumeration:
                found[name, column] = (set(values), enumeration)
    assert {place: enumeration for place, (_, enumeration) in found.items()} == {
        place: values for place, (values, _) in found.items()
    }
    assert len(found) >= fewest


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_column_of_every_model_is_described(
    subject: str, models: dict[str, dict[str, Any]], rows_of: Callable[[str, str], Rows]
) -> None:
    for name, model in models.items():
        if subject not in subjects_of(model):
            continue
        columns = [row["column_name"] for row in rows_of(subject, f"describe {model['schema']}.{name}")]
        assert list(model["columns"]) == columns, name
        assert all(column["description"] for column in model["columns"].values()), name


@pytest.mark.parametrize("layer", ["staging", "intermediate"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_grain_that_a_description_states_is_the_grain(
    subject: str, layer: str, models: dict[str, dict[str, Any]], rows_of: Callable[[str, str], Rows]
) -> None:
    for name, model in models.items():
        if model["schema"] == layer and subject in subjects_of(model):
            grain = model["description"].strip().rsplit("One row per ", 1)[1].removesuffix(".").replace(" and ", ", ")
            sql = f"select {grain} from {layer}.{name} group by all having count(*) > 1"
            assert rows_of(subject, sql) == [], f"{name}: {grain}"
            is_empty = not rows_of(subject, f"from {layer}.{name} limit 1")
            assert is_empty == (name in EMPTY_IN_THE_SAMPLE), f"{name} is empty: it proves nothing"


def test_every_mart_has_an_enforced_contract_and_a_tested_grain(
    models: dict[str, dict[str, Any]], manifest: dict[str, Any]
) -> None:
    tested = {
        node["attached_node"].rsplit(".", 1)[1]: node["test_metadata"]["kwargs"]["columns"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_per_month"
    }
    marts = {name: model for name, model in models.items() if model["schema"] == "marts"}
    for name, model in marts.items():
        assert model["config"]["contract"]["enforced"], name
        assert ["billing_month", *tested[name]] == model["config"]["meta"]["grain"], name
        assert {"billing_month", "reconciliation_key", "published_at", "run_id"} <= set(model["columns"]), name


def test_no_mart_holds_a_float() -> None:
    types = {column.sql_type for mart in published_marts().values() for column in mart.columns}
    assert not [kind for kind in types if kind.lower() in ("double", "float", "real")]
    assert {kind for kind in types if kind.startswith("decimal")} == {
        "decimal(18, 2)", "decimal(18, 6)", "decimal(38, 3)", "decimal(38, 12)",
    }  # fmt: skip


def test_every_mart_has_a_reader(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    read = {node.rsplit(".", 1)[1] for e in manifest["exposures"].values() for node in e["depends_on"]["nodes"]}
    assert read == {name for name, model in models.items() if model["schema"] == "marts"}


def test_what_is_not_duckdb_is_spark_whatever_its_adapter_is_called() -> None:
    """The bug this fixes: models asked for `spark`, and the adapters of Fabric and Databricks got DuckDB's types."""
    files = [path for kind in ("models", "macros", "tests") for path in (PROJECT_DIR / kind).rglob("*.*")]
    texts = {path: path.read_text(encoding="utf-8") for path in [*files, PROJECT_DIR / "dbt_project.yml"]}
    asked = {
        (path.name, name) for path, text in texts.items() for name in re.findall(r"target\.type [!=]= '(\w+)'", text)
    }
    assert asked and {name for _, name in asked} == {"duckdb"}, asked
