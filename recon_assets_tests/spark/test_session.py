"""What the session of profiles.yml does with numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from recon_assets.pipeline.project import PROJECT_DIR
from recon_assets_tests.spark.cluster import LOCAL

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


@pytest.fixture
def session(spark_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)
    profiles = (PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8")
    environment = jinja2.Environment()
    environment.filters["as_number"] = int
    text = environment.from_string(profiles).render(env_var=lambda name, default="": default or "2")
    target = yaml.safe_load(text)["recon"]["outputs"]["spark"]
    own = {"spark.sql.warehouse.dir": str(tmp_path), "spark.master": "local[1]"}
    running = SparkSession.builder.config(map=target["server_side_parameters"] | own).getOrCreate()
    yield running
    running.stop()


def test_decimals_are_compared_in_every_place(session: Any) -> None:
    difference, allowed = "cast(0.01012 as decimal(38, 12))", "cast(1 as bigint) * cast(0.01 as decimal(18, 3))"
    (row,) = session.sql(f"select {difference} <= {allowed} as is_rounding").collect()
    assert not row.is_rounding
