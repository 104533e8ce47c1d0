"""Homes, builds and instances for tests of the Dagster layer."""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.defs.automation import RANGE_END, RANGE_START
from recon_assets.home import open_instance
from recon_assets.pipeline.build import Build, build_folder, run_build
from recon_assets.pipeline.dbt_job import CheckResult
from recon_assets.platform import Platform
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import land_bss, load_all, platform_in
from recon_assets_tests.reliability.homes import (
    MONTHS,
    SUBJECT,
    at_home,
    bss_lines,
    copy_home,
    land_months,
    make_published,
)

INCOMPLETE = "2025-05"  # only BSS has landed


@pytest.fixture(scope="session")
def published_home(make_once: MakeOnce) -> Path:
    """Four months, published by one run. Tests that change it work on copies."""
    return make_once("published", make_published)


@pytest.fixture(scope="session")
def built_home(make_once: MakeOnce) -> Path:
    """Five months, the last incomplete: loaded and built, not published."""

    def make(home: Path) -> None:
        platform = platform_in(home)
        land_months(platform.settings.landing)
        land_bss(platform.settings.landing, INCOMPLETE, bss_lines(INCOMPLETE))
        load_all(platform)
        run_build(platform.settings, SUBJECT, [*MONTHS, INCOMPLETE], "built").save()

    return make_once("built", make)


@dataclass
class Workshop:
    """A home whose runs take a build made before, changed as a test wants it, instead of running dbt."""

    platform: Platform
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    failing: list[tuple[str, str, bool]]  # (check, month, blocking) that fail in the next run
    statements: list[str]  # SQL that changes the build of the next run

    def run(self, first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        """The subject's job for a month, or for a range of months."""
        tags = {RANGE_START: first, RANGE_END: last} if last else {}
        return self.definitions.resolve_job_def(SUBJECT).execute_in_process(
            instance=self.instance, raise_on_error=False, partition_key=None if last else first, tags=tags
        )

    def build(
        self, settings: Any, subject: str, months: list[str], run_id: str, as_of: dt.date | None = None, *_: Any
    ) -> Build:
        made = Build.load(settings, "built")
        shutil.copytree(made.database.parent, build_folder(settings, run_id))
        database = build_folder(settings, run_id) / made.database.name
        with duckdb.connect(str(database)) as connection:
            for statement in self.statements:
                connection.execute(statement)
        return replace(
            made, months=months, database=database, checks=[self._changed(c) for c in made.checks if c.month in months]
        )

    def _changed(self, check: CheckResult) -> CheckResult:
        for name, month, blocking in self.failing:
            if (check.name, check.month) == (name, month):
                return replace(check, passed=False, failures=3, blocking=blocking)
        return check


@pytest.fixture(scope="session")
def built_definitions(built_home: Path) -> dg.Definitions:
    """Of the built home and its copies: the same months have landed."""
    return build_definitions(platform_in(built_home))


@contextmanager
def workshop_in(home: Path, source: Path, definitions: dg.Definitions) -> Iterator[Workshop]:
    """A workshop in a copy of `source`, which is the built home or a copy of it."""
    platform = copy_home(source, home)
    with at_home(platform), open_instance(platform.settings) as instance, pytest.MonkeyPatch.context() as patched:
        made = Workshop(platform, instance, definitions, [], [])
        patched.setattr("recon_assets.defs.models.run_build", made.build)
        yield made


@pytest.fixture
def workshop(built_home: Path, built_definitions: dg.Definitions, tmp_path: Path) -> Iterator[Workshop]:
    with workshop_in(tmp_path / "home", built_home, built_definitions) as made:
        yield made


@pytest.fixture(scope="session")
def worked_home(built_home: Path, built_definitions: dg.Definitions, make_once: MakeOnce) -> Path:
    """The built home, of which one run published four months."""

    def make(home: Path) -> None:
        with workshop_in(home, built_home, built_definitions) as made:
            assert made.run(MONTHS[0], MONTHS[-1]).success

    return make_once("four-months-published", make)


def materialized(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    """Months of an asset that count as materialized."""
    return sorted(instance.get_materialized_partitions(key))


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey, month: str) -> dict[str, Any]:
    """Metadata of the newest materialization of a month, as plain values."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[month])
    (record,) = instance.fetch_materializations(wanted, limit=1).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def check_months(instance: dg.DagsterInstance, definitions: dg.Definitions, status: str) -> dict[str, list[str]]:
    """Months of which a check has this status now, as the UI shows it, by `asset:check`."""
    graph = definitions.resolve_asset_graph()
    keys = [(key, graph.get(key).partitions_def) for key in graph.asset_check_keys]
    states = instance.event_log_storage.get_asset_check_state(keys)
    found = {}
    for key, _ in keys:
        for resolved, subset in states[key].subsets.items():
            if resolved.name == status and not subset.is_empty:
                found[key.to_user_string()] = sorted(subset.subset_value.get_partition_keys())
    return found
