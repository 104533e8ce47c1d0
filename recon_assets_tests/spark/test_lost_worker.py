"""A machine of the cluster is lost while it works: the others do its part again."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets_tests.spark.builds import SPARK, differing
from recon_assets_tests.spark.cluster import SparkCluster
from recon_assets_tests.spark.conftest import Loaded

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]
TABLES = 8  # of some 20: the middle of the build


def test_a_worker_that_is_killed_during_a_build_changes_no_number(
    loaded: Callable[[str, str], Loaded], cluster_to_damage: SparkCluster
) -> None:
    data = loaded("sample", "subscriptions")
    ours = data.build("subscriptions", "lost-duckdb")
    warehouse = data.home / "build" / "lost-spark" / "build.duckdb.warehouse"
    kill = KillOnceBuilding(cluster_to_damage, "worker-2", warehouse)
    kill.start()
    try:
        theirs = data.build("subscriptions", "lost-spark", spark_master=cluster_to_damage.master, **SPARK)
    finally:
        kill.give_up()
    assert kill.had_part, "the worker was killed without having worked"
    assert len(tables(warehouse)) > kill.tables >= TABLES, "the build had ended already"
    assert differing(ours, theirs) == {}
    assert sorted(ours.checks, key=str) == sorted(theirs.checks, key=str)


def tables(warehouse: Path) -> list[Path]:
    """Tables that have been written to the end."""
    return [marker.parent for marker in warehouse.glob("*.db/*/_SUCCESS")]


class KillOnceBuilding(threading.Thread):
    """Kills the worker as soon as the build has made TABLES tables."""

    def __init__(self, cluster: SparkCluster, worker: str, warehouse: Path) -> None:
        super().__init__(daemon=True)
        self._cluster, self._worker, self._warehouse = cluster, worker, warehouse
        self._over = threading.Event()
        self.tables = 0
        self.had_part = False

    def run(self) -> None:
        while not self._over.is_set():
            if len(tables(self._warehouse)) >= TABLES:
                self.had_part = bool(self._cluster.applications(self._worker))
                self.tables = len(tables(self._warehouse))
                self._cluster.kill(self._worker)
                return
            time.sleep(0.05)

    def give_up(self) -> None:
        self._over.set()
        self.join()
