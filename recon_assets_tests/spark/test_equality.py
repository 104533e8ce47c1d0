"""The same models on a Spark cluster: every mart equal to DuckDB's, row for row and cent for cent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import marts_of, published_marts
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
    ours = data.build(subject, f"{subject}-duckdb")
    before = {worker: cluster.applications(worker) for worker in cluster.workers()}
    theirs = data.build(subject, f"{subject}-spark", spark_master=cluster.master, **SPARK)
    assert differing(ours, theirs) == {}
    assert all(made(ours, mart.name).num_rows > 0 for mart in marts_of(subject) if not mart.is_shared)
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
