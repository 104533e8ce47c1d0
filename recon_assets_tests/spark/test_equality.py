"""The same models on a Spark cluster: every mart equal to DuckDB's, row for row and cent for cent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.build import Build
from recon_assets.pipeline.dbt_build import build_marts
from recon_assets.pipeline.marts import CHANGES, marts_of, published_marts
from recon_assets.pipeline.publish import publish_build
from recon_assets_tests.landed import NOW, as_dicts, platform_in
from recon_assets_tests.spark.builds import SPARK, differing, made
from recon_assets_tests.spark.cluster import SparkCluster
from recon_assets_tests.spark.conftest import Loaded

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]
SUBJECTS = ["subscriptions", "usage", "einvoices"]


@pytest.mark.parametrize("kind", ["sample", "random"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_mart_of_a_cluster_is_that_of_duckdb(
    loaded: Callable[[str, str], Loaded], cluster: SparkCluster, subject: str, kind: str
) -> None:
    data = loaded(kind, subject)
    if kind == "sample":
        data.decide(subject)
    ours = data.build(subject, f"{subject}-duckdb")
    before = {worker: cluster.applications(worker) for worker in cluster.workers()}
    theirs = data.build(subject, f"{subject}-spark", spark_master=cluster.master, **SPARK)
    assert differing(ours, theirs) == {}
    assert all(made(ours, mart.name).num_rows > 0 for mart in marts_of(subject) if not mart.is_shared)
    assert sorted(ours.checks, key=str) == sorted(theirs.checks, key=str)
    assert {node.name: node.rows for node in ours.nodes} == {node.name: node.rows for node in theirs.nodes}
    assert all(cluster.applications(worker) > before[worker] for worker in cluster.workers()), "a worker had no part"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_mart_is_that_of_duckdb_in_ansi_mode_too(
    loaded: Callable[[str, str], Loaded], spark_home: Path, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ansi_mode = asks_for_ansi_mode(monkeypatch)
    data = loaded("random", subject)
    ours = data.build(subject, f"{subject}-not-ansi")
    theirs = data.build(subject, f"{subject}-ansi", **SPARK)
    assert all(in_ansi_mode) and in_ansi_mode, "dbt-spark made its session's parameters in another way"
    assert differing(ours, theirs) == {}
    assert sorted(ours.checks, key=str) == sorted(theirs.checks, key=str)


def asks_for_ansi_mode(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have sessions begin in ANSI mode, which dbt-spark switches off whatever its profile says; one item for each."""
    from dbt.adapters.spark.connections import SparkCredentials

    made: list[bool] = []
    as_shipped = SparkCredentials.__post_init__

    def post_init(credentials: SparkCredentials) -> None:
        as_shipped(credentials)
        made.append(credentials.server_side_parameters["spark.sql.ansi.enabled"] == "false")
        credentials.server_side_parameters["spark.sql.ansi.enabled"] = "true"

    monkeypatch.setattr(SparkCredentials, "__post_init__", post_init)
    monkeypatch.setattr("recon_assets.pipeline.build.build_in_dbt_process", build_marts)  # here, where it is patched
    return made


def test_a_month_is_published_the_same_by_both_engines_and_moves_between_them_without_a_change(
    loaded: Callable[[str, str], Loaded], spark_home: Path, tmp_path: Path
) -> None:
    data = loaded("sample", "subscriptions")
    builds = {
        "duckdb": data.build("subscriptions", "publish-duckdb"),
        "spark": data.build("subscriptions", "publish-spark", **SPARK),
    }
    rows = {}
    for engine, build in builds.items():
        store = PublishedStore(tmp_path / engine)
        publish(build, store, data)
        rows[engine] = {mart.name: published_rows(store, mart.name) for mart in marts_of("subscriptions")}
    assert rows["spark"] == rows["duckdb"]
    assert rows["duckdb"]["subscription_reconciliation"]
    moved = PublishedStore(tmp_path / "moved")
    for engine in ("duckdb", "spark", "duckdb"):
        publish(builds[engine], moved, data)
        assert published_rows(moved, CHANGES.name) == []


def publish(build: Build, store: PublishedStore, data: Loaded) -> None:
    outcomes = list(publish_build(build, store, platform_in(data.home).raw, "run-1", lambda: NOW))
    assert [outcome.reasons for outcome in outcomes] == [[] for _ in data.months]


def published_rows(store: PublishedStore, mart: str) -> list[dict[str, Any]]:
    with store.connect(published_marts().values()) as connection:
        return as_dicts(connection.execute(f"from marts.{mart} order by all"))
