"""The services of deploy/compose.yaml on a real PostgreSQL: files land, everything is killed, the month completes."""

import datetime as dt
import os
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import ScheduleInstigatorData

from recon_assets.platform import Platform
from recon_assets_tests.deploy.cluster import PASSWORD, Cluster
from recon_assets_tests.deploy.services import Services, until
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import assert_unmixed, land_months, seen_months

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(1500)]

MONTH = "2025-01"
GRID = "subscription_reconciliation"
EXPECTED = {
    "sub-1": ("match", Decimal("0.00")),
    "sub-2": ("discrepancy", Decimal("5.00")),
    "sub-3": ("missing_in_ms", Decimal("10.00")),
    "sub-4": ("missing_in_bss", Decimal("-10.00")),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("services")
    (made / "stops").mkdir()
    return made


@pytest.fixture(scope="module")
def services(home: Path, cluster: Cluster) -> Iterator[Services]:
    made = Services(
        home, cluster, RECON_FIRST_MONTH=MONTH, RECON_SENSOR_SECONDS="3", RECON_FILE_STABLE_SECONDS="0"
    )  # fmt: skip
    made.start("code")
    try:
        until("the code location is healthy", lambda: made.is_healthy("code"))
        yield made
    finally:
        made.stop()


@pytest.fixture
def instance(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in services.environment.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        yield instance


class Stop:
    """A place at which a run of the services stops while this is set."""

    def __init__(self, home: Path, place: str) -> None:
        self._file = home / "stops" / place
        self._reached = self._file.with_suffix(".reached")

    def set(self) -> None:
        self._file.touch()

    def wait(self) -> int:
        """Process id of the run that stopped there."""
        until(f"a run is at {self._file.name}", self._reached.exists)
        return int(self._reached.read_text(encoding="utf-8"))

    def clear(self) -> None:
        self._file.unlink()


def runs(instance: dg.DagsterInstance, job: str, *statuses: dg.DagsterRunStatus) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(statuses)))


def is_published(platform: Platform) -> bool:
    return any(p.month == MONTH for p in platform.published.publications())


def make_overdue(instance: dg.DagsterInstance, name: str, since: dt.datetime) -> None:
    """As if the daemon had been away since then, with the schedule on."""
    (state,) = (s for s in instance.all_instigator_state() if s.instigator_name == name)
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    late = ScheduleInstigatorData(data.cron_schedule, start_timestamp=since.timestamp())
    instance.update_instigator_state(state.with_data(late))


def test_a_month_that_landed_completes_although_run_daemon_and_database_are_killed(
    services: Services, cluster: Cluster, home: Path, instance: dg.DagsterInstance
) -> None:
    """Sensors, runs and automation work on PostgreSQL; nothing is lost or doubled by SIGKILL."""
    platform = platform_in(home)
    loading, publishing = Stop(home, "before_raw_commit"), Stop(home, "before_publication_row")
    loading.set()
    publishing.set()
    services.start("daemon")
    land_months(platform.settings.landing, [MONTH])

    # The run that loads Microsoft's file is killed; the sensor tries again.
    os.kill(loading.wait(), signal.SIGKILL)
    loading.clear()

    # The run that publishes is killed, and with it the daemon and the database, for a while.
    worker = publishing.wait()
    failed_loads = runs(instance, "load_raw", dg.DagsterRunStatus.FAILURE)
    assert [run.tags["dagster/partition"] for run in failed_loads] == [MONTH]
    assert platform.raw.read("bss_invoices", MONTH)
    assert platform.raw.read("ms_recon_nce", MONTH)
    assert not is_published(platform)
    make_overdue(
        instance, "refresh_open_months_subscriptions", dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=30)
    )
    services.kill("daemon")
    cluster.kill()
    os.kill(worker, signal.SIGKILL)
    publishing.clear()
    until("the code server ends without a database", lambda: services.has_ended("code"))
    cluster.start()
    services.restart_ended()
    services.start("daemon")

    until("the month is published", lambda: is_published(platform))
    seen = seen_months(platform)[MONTH]
    grid = {row["ms_subscription_id"]: (row["status"], row["cost_difference"]) for row in seen[GRID]}
    assert grid == EXPECTED
    assert len(seen[GRID]) == len(EXPECTED)
    assert len(seen["subscription_reconciliation_items"]) == 6  # three lines of each side, each once
    assert_unmixed(seen_months(platform, stamps=True))
    # The run whose process is gone was noticed, although nobody was there to see it die.
    dead = [r for r in runs(instance, "__ASSET_JOB", dg.DagsterRunStatus.FAILURE) if r.parent_run_id is None]
    assert dead

    # A schedule that came due while no daemon ran is made up for.
    until("the daily refresh was started", lambda: [r for r in runs(instance, "subscriptions") if is_refresh(r)])


def is_refresh(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/run_key", "").startswith(f"refresh:subscriptions:{MONTH}:")


def test_the_webserver_answers_its_health_check_and_the_daemon_is_alive(services: Services) -> None:
    services.start("webserver")
    until("the webserver is healthy", lambda: services.is_healthy("webserver"))
    until("the daemon is healthy", lambda: services.is_healthy("daemon"))
    with urllib.request.urlopen(f"http://127.0.0.1:{services.port('3000')}/server_info", timeout=10) as answer:
        assert b"dagster_version" in answer.read()


def test_the_password_of_the_database_is_in_no_log_and_no_event(
    services: Services, cluster: Cluster, instance: dg.DagsterInstance
) -> None:
    for name in ("code", "daemon", "webserver"):
        assert PASSWORD not in services.log(name)
    with cluster.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (where event like %s) from event_logs", [f"%{PASSWORD}%"])
        assert cursor.fetchone()[0] > 100
        cursor.execute("select count(*) from event_logs where event like %s", [f"%{PASSWORD}%"])
        assert cursor.fetchone() == (0,)
    for path in services.home.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
