"""From a build to what readers see: month by month, only what passed, and byte for byte the same when built again."""

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.raw import FailedLoad, RawStore
from recon_assets.lakehouse.settled import unlike_the_log
from recon_assets.lakehouse.views import view_sql
from recon_assets.months import month_of
from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.dbt_build import build_marts
from recon_assets.pipeline.dbt_job import CheckResult
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.publish import MonthOutcome, publish_build
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.dbt.conftest import RANDOM_MONTHS, SUBJECT, BuildOf, Built, built_in
from recon_assets_tests.landed import (
    NOW,
    as_dicts,
    bss_line,
    land_bss,
    land_nce,
    load_all,
    nce_line,
    platform_in,
)

MONTHS = RANDOM_MONTHS[1]
BAD = MONTHS[1]


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> PublishedStore:
    root = tmp_path / "published"
    return storage.published(root) if storage else PublishedStore(root)


def publish(
    build: Build, store: PublishedStore, raw: RawStore, run_id: str = "run-1", now: dt.datetime = NOW
) -> dict[str, MonthOutcome]:
    return {outcome.month: outcome for outcome in publish_build(build, store, raw, run_id, lambda: now)}


def published(store: PublishedStore, sql: str) -> list[dict[str, Any]]:
    with store.connect(published_marts().values()) as connection:
        return as_dicts(connection.execute(sql))


def months_of(store: PublishedStore) -> set[str]:
    return {month_of(row["billing_month"]) for row in published(store, "from marts.subscription_reconciliation")}


def files_of(store: PublishedStore) -> dict[tuple[str, str], pa.Table]:
    """Content of the published files by month and mart, in the order in which it is stored."""
    return {
        (publication.month, mart): pa.concat_tables(
            pq.read_table(store.root / file, partitioning=None) for file in version.files
        )
        for publication in store.current().values()
        for mart, version in publication.marts.items()
        if version.files
    }


def test_every_month_of_a_good_build_is_published(random_build: BuildOf, store: PublishedStore) -> None:
    built = random_build(1)
    outcomes = publish(built.build, store, built.platform.raw)
    assert {month: outcome.reasons for month, outcome in outcomes.items()} == {month: [] for month in MONTHS}
    assert months_of(store) == set(MONTHS)
    sql = "select * exclude (published_at, run_id) from marts.subscription_reconciliation order by all"
    assert published(store, sql) == built.rows(sql)
    (status,) = published(store, f"from marts.month_status where billing_month = date '{BAD}-01'")
    assert (status["checks_failed"], status["run_id"]) == (0, "run-1")
    assert status["checks_passed"] == len([check for check in built.build.checks if check.month == BAD])
    assert status["published_at"] == NOW


@pytest.mark.folder_only  # about what DuckDB writes
def test_texts_that_a_build_holds_as_enumerations_are_published_as_texts(
    random_build: BuildOf, store: PublishedStore
) -> None:
    built = random_build(1)
    publish(built.build, store, built.platform.raw)
    names = ["side", "currency", "source_file", "product"]
    items = "marts.subscription_reconciliation_items"
    held = built.rows(f"select column_type from (describe {items}) where column_name in {tuple(names)}")
    assert [row["column_type"].partition("(")[0] for row in held] == ["ENUM"] * len(names)
    written = [table for (_, mart), table in files_of(store).items() if items.endswith(mart)]
    assert {table.schema.field(name).type for table in written for name in [*names, "run_id"]} == {pa.string()}


@pytest.mark.folder_only  # about the build
def test_building_and_publishing_a_month_twice_gives_the_same_bytes(
    random_home: Callable[[int], Path], random_build: BuildOf, tmp_path: Path
) -> None:
    first = random_build(1)
    second = built_in(random_home(1), MONTHS, "again")
    stores = []
    for number, built in enumerate((first, second)):
        stores.append(PublishedStore(tmp_path / f"published-{number}"))
        publish(built.build, stores[-1], built.platform.raw, f"run-{number}", NOW + dt.timedelta(days=number))
    before, after = (files_of(store) for store in stores)
    assert before.keys() == after.keys()
    for key, table in before.items():
        told = ["published_at", "run_id"]
        assert table.drop_columns(told).equals(after[key].drop_columns(told)), key
        assert set(table["run_id"].to_pylist()) == {"run-0"} and set(after[key]["run_id"].to_pylist()) == {"run-1"}
    assert len(before) >= 4 * len(MONTHS)


@pytest.mark.folder_only  # about the build
def test_items_are_published_a_file_per_source_each_in_the_order_of_its_lines(
    random_build: BuildOf, store: PublishedStore
) -> None:
    built = random_build(1)
    publish(built.build, store, built.platform.raw)
    seen = set()
    for publication in store.current().values():
        sources = []
        for file in publication.marts["subscription_reconciliation_items"].files:
            lines = pq.read_table(store.root / file, columns=["source", "source_file", "source_row"], partitioning=None)
            rows = [tuple(line.values()) for line in lines.to_pylist()]
            assert rows == sorted(rows)
            sources.append({source for source, _, _ in rows})
        assert [len(names) for names in sources] == [1] * len(sources)
        seen.update(*sources)
    assert seen == {"bss_invoices", "ms_recon_legacy", "ms_recon_nce"}


def test_what_a_killed_run_left_of_another_month_is_settled_by_the_next_publication(
    random_build: BuildOf, store: PublishedStore
) -> None:
    """Whoever reads the Delta tables themselves would see it until that month is published again."""
    built, marts = random_build(1), [mart for mart in published_marts().values() if mart.is_monthly]
    publish(built.build, store, built.platform.raw)
    left = published_marts()["month_status"]
    with duckdb.connect() as connection:
        store.commit_month(store.write_month(left, MONTHS[0], SUBJECT, connection, view_sql(left, [])))
    assert [month.mart for month in unlike_the_log(store, marts)] == [left]
    publish(replace(built.build, months=[BAD]), store, built.platform.raw, "run-2", NOW + dt.timedelta(days=1))
    assert unlike_the_log(store, marts) == []


def test_publishing_takes_no_more_memory_than_it_may(random_build: BuildOf, store: PublishedStore) -> None:
    built = random_build(1)
    outcomes = publish_build(built.build, store, built.platform.raw, "run-1", lambda: NOW, "1MB")
    with pytest.raises(duckdb.OutOfMemoryException):
        list(outcomes)


def tampered_build(home: Path, run_id: str, sql: str, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build whose database is changed after the models were built and before the tests run."""
    platform = platform_in(home)
    original = DuckDBConnectionManager.add_query
    tampered: list[str] = []

    def add_query(manager: Any, query: str, *rest: Any, **more: Any) -> Any:
        if '"checks".' in query and not tampered:
            tampered.append(sql)
            manager.get_thread_connection().handle.cursor().execute(sql)
        return original(manager, query, *rest, **more)

    monkeypatch.setattr(DuckDBConnectionManager, "add_query", add_query)
    monkeypatch.setattr("recon_assets.pipeline.build.build_in_dbt_process", build_marts)  # here, where it is patched
    built = run_build(platform.settings, SUBJECT, MONTHS, run_id)
    assert tampered
    return built


@pytest.mark.folder_only  # about the build
def test_a_test_that_fails_in_one_month_refuses_that_month_only(
    random_home: Callable[[int], Path], random_build: BuildOf, store: PublishedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = random_build(1)
    publish(good.build, store, good.platform.raw, "run-1")
    lost = (
        f"delete from intermediate.int_subscriptions__classified where billing_month = date '{BAD}-01' and side = 'ms'"
    )
    bad = tampered_build(random_home(1), "tampered", lost, monkeypatch)
    assert {check.month for check in bad.checks if not check.passed} == {BAD}
    outcomes = publish(bad, store, good.platform.raw, "run-2", NOW + dt.timedelta(days=1))
    assert {month for month, outcome in outcomes.items() if outcome.publication is None} == {BAD}
    assert any("subscriptions_totals_are_those_of_the_items failed on" in reason for reason in outcomes[BAD].reasons)
    runs = {(row["billing_month"], row["run_id"]) for row in published(store, "from marts.publications")}
    assert runs == {(dt.date.fromisoformat(f"{m}-01"), "run-1" if m == BAD else "run-2") for m in MONTHS}
    kept = published(store, f"from marts.subscription_reconciliation_items where billing_month = date '{BAD}-01'")
    assert {row["side"] for row in kept} == {"bss", "ms"}


def failed_check(month: str, blocking: bool) -> CheckResult:
    return CheckResult("test.recon.a_test", "a_test", month, False, blocking, 3)


def test_a_warning_does_not_hold_a_month_up_and_is_counted(random_build: BuildOf, store: PublishedStore) -> None:
    built = random_build(1)
    build = replace(built.build, checks=[*built.build.checks, failed_check(BAD, blocking=False)])
    assert publish(build, store, built.platform.raw)[BAD].reasons == []
    failed = {row["billing_month"]: row["checks_failed"] for row in published(store, "from marts.month_status")}
    assert {month_of(month) for month, count in failed.items() if count} == {BAD}


def test_a_blocking_check_refuses_its_month_by_name(random_build: BuildOf, store: PublishedStore) -> None:
    built = random_build(1)
    build = replace(built.build, checks=[*built.build.checks, failed_check(BAD, blocking=True)])
    outcomes = publish(build, store, built.platform.raw)
    assert outcomes[BAD].reasons == ["test a_test failed on 3 rows"]
    assert months_of(store) == set(MONTHS) - {BAD}


@pytest.fixture
def raw_copy(random_build: BuildOf, tmp_path: Path) -> RawStore:
    """The raw store of a random tree, to be changed."""
    return RawStore(Path(shutil.copytree(random_build(1).platform.raw.root, tmp_path / "raw")))


def test_a_month_is_refused_when_a_month_of_its_window_failed_its_audit(
    random_build: BuildOf, store: PublishedStore, raw_copy: RawStore
) -> None:
    last = MONTHS[-1]
    raw_copy.record_failure(FailedLoad("ms_recon_nce", last, "2025-01-01", [], ["too many rejected rows"]))
    outcomes = publish(random_build(1).build, store, raw_copy)
    assert {month for month, outcome in outcomes.items() if outcome.reasons} == {MONTHS[-2], last}
    assert outcomes[last].reasons == [f"ms_recon_nce {last} failed its audit: too many rejected rows"]


@pytest.mark.folder_only  # about the build
def test_a_month_without_a_required_source_is_refused(tmp_path: Path, store: PublishedStore) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-01", [bss_line()])
    land_bss(platform.settings.landing, "2025-02", [bss_line()], "b.csv")
    land_nce(platform.settings.landing, "2025-02", [nce_line()])
    load_all(platform)
    built = Built(platform, run_build(platform.settings, SUBJECT, ["2025-01", "2025-02"], "run"))
    outcomes = publish(built.build, store, platform.raw)
    assert outcomes["2025-01"].reasons == ["no file of ms_recon_nce is loaded for 2025-01"]
    assert (outcomes["2025-01"].window_status, outcomes["2025-02"].window_status) == ("incomplete", "provisional")
    assert store.current().keys() == {("2025-02", SUBJECT)}


def test_the_first_publication_changes_nothing_and_the_next_one_says_what_it_changed(
    random_build: BuildOf, store: PublishedStore
) -> None:
    overlap, touch = random_build(1), random_build(1, "touch")
    publish(overlap.build, store, overlap.platform.raw, "run-1")
    assert published(store, "from marts.reconciliation_changes") == []
    publish(touch.build, store, touch.platform.raw, "run-2", NOW + dt.timedelta(days=1))
    found = {row["reconciliation_key"]: row for row in published(store, "from marts.reconciliation_changes")}
    before, now = (
        {row["reconciliation_key"]: row for row in built.rows("from marts.subscription_reconciliation")}
        for built in (overlap, touch)
    )
    verdict = ("status", "cost_difference")
    changed = {
        key for key in before.keys() & now.keys() if [before[key][v] for v in verdict] != [now[key][v] for v in verdict]
    }
    assert {key for key, row in found.items() if row["change"] == "gone"} == before.keys() - now.keys()
    assert {key for key, row in found.items() if row["change"] == "new"} == now.keys() - before.keys()
    assert {key for key, row in found.items() if row["change"] == "changed"} == changed
    assert changed and before.keys() - now.keys()
    assert {row["published_before_at"] for row in found.values()} == {NOW}


def test_publishing_the_same_again_changes_nothing(random_build: BuildOf, store: PublishedStore) -> None:
    built = random_build(1)
    publish(built.build, store, built.platform.raw, "run-1")
    publish(built.build, store, built.platform.raw, "run-2", NOW + dt.timedelta(days=1))
    assert published(store, "from marts.reconciliation_changes") == []


def test_a_clock_that_was_set_back_does_not_hide_the_newer_publication(
    random_build: BuildOf, store: PublishedStore
) -> None:
    built = random_build(1)
    publish(built.build, store, built.platform.raw, "run-1", NOW)
    publish(built.build, store, built.platform.raw, "run-2", NOW - dt.timedelta(days=1))
    assert {row["run_id"] for row in published(store, "from marts.publications")} == {"run-2"}
