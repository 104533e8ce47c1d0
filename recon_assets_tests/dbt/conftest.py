"""Builds that several tests look at, each made once per session."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.months import month_range
from recon_assets.pipeline.build import Build, run_build
from recon_assets.platform import Platform
from recon_assets.sample import write_sample
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.dbt import rules
from recon_assets_tests.dbt.macros import COVERAGE, RATIO, Macros, render
from recon_assets_tests.landed import NOW, as_dicts, load_all, platform_in
from recon_assets_tests.oracle.random_landing import write_random_landing

SUBJECT = "subscriptions"
# One range holds a leap February, one a turn of the year; both hold long months and short ones.
RANDOM_MONTHS = {
    1: month_range("2022-12", "2023-03"),
    2: month_range("2024-01", "2024-03"),
    3: month_range("2023-05", "2023-08"),
}
SAMPLE_MONTHS = month_range("2024-11", "2025-02")


@dataclass(frozen=True)
class Built:
    """A build and the platform it was made from."""

    platform: Platform
    build: Build

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.build.database), read_only=True) as connection:
            return as_dicts(connection.execute(sql))


BuildOf = Callable[..., Built]


def built_in(home: Path, months: list[str], run_id: str, subject: str = SUBJECT, **settings: Any) -> Built:
    platform = platform_in(home, **settings)
    return Built(platform, run_build(platform.settings, subject, months, run_id, NOW.date()))


def load_random(home: Path, seed: int) -> None:
    platform = platform_in(home)
    write_random_landing(platform.settings.landing, seed, RANDOM_MONTHS[seed], subscriptions=30)
    failed = {key: load.problems for key, load in load_all(platform).items() if load.outcome != "loaded"}
    assert not failed


@pytest.fixture(scope="session")
def random_home(make_once: MakeOnce) -> Callable[[int], Path]:
    """Home of a random landing tree with every month loaded."""
    return lambda seed: make_once(f"random-{seed}", lambda home: load_random(home, seed))


@pytest.fixture(scope="session")
def random_build(random_home: Callable[[int], Path], make_once: MakeOnce) -> BuildOf:
    """Build of all months of a random landing tree, by seed, selection method and coverage method."""

    def build(seed: int, selection_method: str = "overlap", coverage_method: str = "thirty_360") -> Built:
        home = random_home(seed)
        methods = {"selection_method": selection_method, "coverage_method": coverage_method}
        run_id = f"{selection_method}-{coverage_method}"
        make_once(
            f"random-{seed}-{run_id}", lambda _: built_in(home, RANDOM_MONTHS[seed], run_id, **methods).build.save()
        )
        platform = platform_in(home, **methods)
        return Built(platform, Build.load(platform.settings, run_id))

    return build


@pytest.fixture(scope="session")
def sample_home(make_once: MakeOnce) -> Path:
    """Home of the sample that `recon sample` writes, with every month loaded; expected.json lies in it."""

    def make(home: Path) -> None:
        platform = platform_in(home)
        write_sample(platform.settings.landing, SAMPLE_MONTHS)
        assert {load.outcome for load in load_all(platform).values()} == {"loaded"}

    return make_once("sample", make)


@pytest.fixture(scope="session")
def sample_build_of(sample_home: Path, make_once: MakeOnce) -> Callable[[str], Built]:
    """Build of the sample, by subject."""

    def build(subject: str) -> Built:
        make_once(
            f"sample-{subject}", lambda _: built_in(sample_home, SAMPLE_MONTHS, subject, subject=subject).build.save()
        )
        platform = platform_in(sample_home)
        return Built(platform, Build.load(platform.settings, subject))

    return build


@pytest.fixture(scope="session")
def sample_build(sample_build_of: Callable[[str], Built]) -> Built:
    return sample_build_of(SUBJECT)


@pytest.fixture(scope="session")
def macros(make_once: MakeOnce, tmp_path_factory: pytest.TempPathFactory) -> Macros:
    """As dbt renders them; of a changed project (recon_assets_tests/mutation) without dbt, which takes no time."""
    if not rules.is_changed():
        return Macros(make_once("macros", render))
    for method in ("thirty_360", "days_over_30"):
        sql = rules.render(COVERAGE, coverage_method=method)
        (tmp_path_factory.getbasetemp() / f"coverage-{method}.sql").write_text(sql, encoding="utf-8")
    (tmp_path_factory.getbasetemp() / "ratio.sql").write_text(rules.render(RATIO), encoding="utf-8")
    return Macros(tmp_path_factory.getbasetemp())
