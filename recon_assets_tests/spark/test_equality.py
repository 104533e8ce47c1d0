"""The same models on a Spark cluster: every mart equal to DuckDB's, row for row and cent for cent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.build import Build
from recon_assets.pipeline.marts import marts_of, published_marts
from recon_assets.pipeline.publish import publish_build
from recon_assets_tests.landed import NOW, as_dicts, platform_in
from recon_assets_tests.spark.cluster import SparkCluster
from recon_assets_tests.spark.conftest import Loaded

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]
SUBJECTS = ["subscriptions", "usage", "einvoices"]
SPARK = {"engine": "spark", "spark_executor_memory": "512m", "spark_driver_memory": "1g", "spark_partitions": 2}


def differing(left: Build, right: Build) -> dict[str, list[dict[str, Any]]]:
    """By mart, rows that only one of two builds has, or has more often."""
    found: dict[str, list[dict[str, Any]]] = {}
    with duckdb.connect() as connection:
        for name, build in (("ours", left), ("theirs", right)):
            connection.execute(f"attach '{build.database}' as {name} (read_only)")
        for mart in marts_of(left.subject):
            table = f"marts.{mart.name}"
            for here, there in (("ours", "theirs"), ("theirs", "ours")):
                rows = as_dicts(connection.execute(f"from {here}.{table} except all from {there}.{table}"))
                found.setdefault(mart.name, []).extend({"only in": here} | row for row in rows)
    return {name: rows for name, rows in found.items() if rows}


def count(build: Build, mart: str) -> int:
    with duckdb.connect(str(build.database), read_only=True) as connection:
        return int(connection.execute(f"select count(*) from marts.{mart}").fetchall()[0][0])


@pytest.mark.parametrize("kind", ["sample", "random"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_mart_of_a_cluster_is_that_of_duckdb(
    loaded: Callable[[str, str], Loaded], cluster: SparkCluster, subject: str, kind: str
) -> None:
    data = loaded(kind, subject)
    ours = data.build(subject, f"{subject}-duckdb")
    before = {worker: cluster.applications(worker) for worker in cluster.workers()}
    theirs = data.build(subject, f"{subject}-spark", spark_master=cluster.master, **SPARK)
    assert differing(ours, theirs) == {}
    assert all(count(ours, mart.name) > 0 for mart in marts_of(subject) if not mart.is_shared)
    assert sorted(ours.checks, key=str) == sorted(theirs.checks, key=str)
    assert {node.name: node.rows for node in ours.nodes} == {node.name: node.rows for node in theirs.nodes}
    assert all(cluster.applications(worker) > before[worker] for worker in cluster.workers()), "a worker had no part"


def test_a_build_of_spark_is_published_as_one_of_duckdb(
    loaded: Callable[[str, str], Loaded], spark_home: Path, tmp_path: Path
) -> None:
    data = loaded("sample", "subscriptions")
    raw = platform_in(data.home).raw
    rows = {}
    for engine, settings in (("duckdb", {}), ("spark", SPARK)):
        build = data.build("subscriptions", f"publish-{engine}", **settings)
        store = PublishedStore(tmp_path / engine)
        outcomes = list(publish_build(build, store, raw, "run-1", lambda: NOW))
        assert [outcome.reasons for outcome in outcomes] == [[] for _ in data.months]
        with store.connect(published_marts().values()) as connection:
            rows[engine] = {
                mart.name: as_dicts(connection.execute(f"from marts.{mart.name} order by all"))
                for mart in marts_of("subscriptions")
            }
    assert rows["spark"] == rows["duckdb"]
    assert rows["duckdb"]["subscription_reconciliation"]
