"""Homes with loaded months, and their builds on both engines. Skipped where there is no pyspark: `make test-spark` has it."""

import datetime as dt
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pyarrow.parquet as pq
import pytest
import yaml

from recon_assets.months import month_range
from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.deciding import Choice, decide, published_rows
from recon_assets.pipeline.project import PROJECT_DIR
from recon_assets.pipeline.publish import publish_build
from recon_assets.sample import write_sample
from recon_assets_tests.landed import NOW, load_all, platform_in
from recon_assets_tests.machine import install_package
from recon_assets_tests.oracle.random_einvoices import write_random_einvoices
from recon_assets_tests.oracle.random_landing import write_random_landing
from recon_assets_tests.oracle.random_usage import write_random_usage
from recon_assets_tests.spark.cluster import LOCAL, SparkCluster

JAVA = "openjdk-17-jre-headless"
SAMPLE_MONTHS = month_range("2024-12", "2025-01")


def write_random(landing: Path, subject: str) -> None:
    """Random landing files of one subject, of the months of `RANDOM_MONTHS`."""
    months = RANDOM_MONTHS[subject]
    if subject == "subscriptions":
        write_random_landing(landing, 2, months, subscriptions=30)
    elif subject == "usage":
        for number, month in enumerate(months):
            write_random_usage(landing, 2000 + number, month)
    else:
        write_random_einvoices(landing, 13, months, 40)


RANDOM_MONTHS = {
    "subscriptions": month_range("2024-01", "2024-03"),
    "usage": month_range("2025-01", "2025-03"),
    "einvoices": month_range("2024-12", "2025-02"),
}


DECIDED = (Choice("accept", "agreed"), Choice("ignore", "a test"), Choice("pending", "", dt.date(2030, 1, 1)))


@dataclass(frozen=True)
class Loaded:
    """A home with every month loaded, and the months to build."""

    home: Path
    months: list[str]

    def build(self, subject: str, run_id: str, **settings: object) -> Build:
        platform = platform_in(self.home, quarantine_limit=1, **settings)
        return run_build(platform.settings, subject, self.months, run_id, NOW.date())

    def decide(self, subject: str) -> None:
        """Publishes a build and has people decide: three rows that differ; of e-invoices a pair is made, one parted."""
        platform = platform_in(self.home, quarantine_limit=1)
        build = self.build(subject, f"{subject}-to-decide")
        outcomes = publish_build(build, platform.published, platform.raw, "to-decide", lambda: NOW)
        assert [outcome.reasons for outcome in outcomes] == [[] for _ in self.months]
        rows = sorted(published_rows(platform, subject), key=lambda row: row.row.key)
        choices = dict(zip((row.row.key for row in rows if not row.is_settled), DECIDED, strict=False))
        if subject == "einvoices":
            sales = [row for row in rows if row.row.documents["register_type"] == "sales"]
            register = next(row for row in sales if row.row.status == "Missing in EInv")
            einvoice = next(row for row in sales if row.row.status == "Missing in Sales")
            choices[register.row.key] = Choice("pair", "the same sale", other_key=einvoice.row.key)
            choices[next(row.row.key for row in rows if row.row.status == "Exact")] = Choice("unpair", "another sale")
        decide(platform, subject, choices, "ana")


def _as_an_older_version_loaded(raw: Path) -> None:
    """Take from the rows of the first month a column that came later."""
    file = sorted(raw.glob("*/*/rows-*.parquet"))[0]
    pq.write_table(pq.ParquetFile(file).read().drop_columns(["publisher_name"]), file)


@pytest.fixture(scope="session")
def spark_home() -> Path:
    """Folder of Spark's programs."""
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None or importlib.util.find_spec("dbt.adapters.spark") is None:
        pytest.skip("pyspark and dbt-spark are in an environment of their own: make test-spark")
    if shutil.which("java") is None:
        install_package(JAVA)
    if shutil.which("java") is None:
        pytest.skip(f"Spark needs Java 17, which is not installed: apt-get install {JAVA}")
    return Path(found.origin).parent


@pytest.fixture(scope="session")
def cluster(spark_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), spark_home) as running:
        yield running


@pytest.fixture
def cluster_to_damage(spark_home: Path, tmp_path: Path) -> Iterator[SparkCluster]:
    with running_cluster(tmp_path, spark_home) as running:
        yield running


@contextmanager
def running_cluster(folder: Path, spark_home: Path) -> Iterator[SparkCluster]:
    running = SparkCluster(folder, spark_home)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOCAL.items():
            patch.setenv(name, value)
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture
def session(spark_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session in this process with the settings of profiles.yml."""
    from pyspark.sql import SparkSession

    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)
    profiles = (PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8")
    environment = jinja2.Environment()
    environment.filters["as_number"] = int
    text = environment.from_string(profiles).render(env_var=lambda name, default="": default or "2")
    target = yaml.safe_load(text)["recon"]["outputs"]["spark"]
    own = {"spark.master": "local[1]", "spark.sql.shuffle.partitions": "2", "spark.sql.warehouse.dir": str(tmp_path)}
    running = SparkSession.builder.config(map=target["server_side_parameters"] | own).getOrCreate()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def loaded(spark_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Loaded]:
    """`loaded(kind, subject)`: the sample, or random files of the subject; each made once."""
    made: dict[str, Loaded] = {}

    def load(kind: str, subject: str) -> Loaded:
        name = kind if kind == "sample" else f"{kind}-{subject}"
        if name not in made:
            home = tmp_path_factory.mktemp(name)
            platform = platform_in(home, quarantine_limit=1)
            if kind == "sample":
                write_sample(platform.settings.landing, SAMPLE_MONTHS)
            else:
                write_random(platform.settings.landing, subject)
            failed = {key: load.problems for key, load in load_all(platform).items() if load.outcome != "loaded"}
            assert not failed
            if name == "random-subscriptions":
                _as_an_older_version_loaded(home / "raw" / "ms_recon_nce")
            made[name] = Loaded(home, SAMPLE_MONTHS if kind == "sample" else RANDOM_MONTHS[subject])
        return made[name]

    return load
