"""The services of deploy/compose.yaml on a real PostgreSQL: files land, everything is killed, the month completes."""

import datetime as dt
import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import ScheduleInstigatorData

from recon_assets.clock import utc_now
from recon_assets.months import month_of
from recon_assets_tests.deploy.services import DEPLOY, Services, until
from recon_assets_tests.landed import microsoft_name, platform_in
from recon_assets_tests.postgres import PASSWORD, Cluster
from recon_assets_tests.reliability.homes import assert_unmixed, land_months, seen_months

pytestmark = [pytest.mark.search, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(1500)]

# The only partition, so that automation asks for runs at once and not for backfills, which the daemon takes up rarely.
MONTH = month_of(utc_now().date())
GRID = "subscription_reconciliation"
EXPECTED = {
    "sub-1": ("match", Decimal("0.00")),
    "sub-2": ("discrepancy", Decimal("5.00")),
    "sub-3": ("missing_in_ms", Decimal("10.00")),
    "sub-4": ("missing_in_bss", Decimal("-10.00")),
}
REFRESH = "refresh_open_months_subscriptions"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def services(home: Path, cluster: Cluster) -> Iterator[Services]:
    settings = {"RECON_FIRST_MONTH": MONTH, "RECON_SENSOR_SECONDS": "3", "RECON_FILE_STABLE_SECONDS": "0"}
    made = Services(home, cluster, **settings)
    try:
        made.start("code")
        made.start("daemon")  # waits for the code location
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
    """Runs of the services stop before they commit a publication while this is set (stoppable.py)."""

    def __init__(self, home: Path) -> None:
        self._file = home / "stop"
        self._reached = self._file.with_suffix(".reached")

    def set(self) -> None:
        self._file.touch()

    def wait(self) -> int:
        """Process id of the run that stopped there."""
        until("a run stopped", self._reached.exists)
        return int(self._reached.read_text(encoding="utf-8"))

    def clear(self) -> None:
        self._file.unlink()


def runs(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
    """Runs that build and publish."""
    found = instance.get_runs(dg.RunsFilter(statuses=[status]))
    return [run for run in found if run.job_name != "load_raw"]


def make_overdue(instance: dg.DagsterInstance, schedule: str) -> None:
    """As if the schedule had been on since yesterday, and nobody had looked at it."""
    (state,) = (s for s in instance.all_instigator_state() if s.instigator_name == schedule)
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    since = utc_now() - dt.timedelta(hours=30)
    late = ScheduleInstigatorData(data.cron_schedule, start_timestamp=since.timestamp())
    instance.update_instigator_state(state.with_data(late))


@pytest.mark.search
def test_a_month_that_landed_completes_although_run_daemon_and_database_are_killed(
    services: Services, cluster: Cluster, home: Path, instance: dg.DagsterInstance
) -> None:
    """Sensors, runs and automation work on PostgreSQL; nothing is lost or doubled by SIGKILL."""
    platform, stop = platform_in(home), Stop(home)
    stop.set()
    land_months(platform.settings.landing, [MONTH])
    platform.load("ms_recon_nce", MONTH)  # else the sensor loads it in a run of its own, which shows nothing more
    worker = stop.wait()
    assert platform.raw.read("bss_invoices", MONTH)
    assert platform.published.publications() == []

    make_overdue(instance, REFRESH)
    services.kill("daemon")
    cluster.kill()
    os.kill(worker, signal.SIGKILL)
    stop.clear()
    until("the code server ends without a database", lambda: services.has_ended("code"))
    cluster.start()
    services.restart_ended()
    services.start("daemon")

    # The run whose process is gone is noticed, although nobody was there to see it die, and run again.
    until("the run is run again", lambda: retried(instance))
    seen = seen_months(platform)[MONTH]
    grid = {row["ms_subscription_id"]: (row["status"], row["cost_difference"]) for row in seen[GRID]}
    assert grid == EXPECTED
    assert len(seen[GRID]) == len(EXPECTED)
    assert len(seen["subscription_reconciliation_items"]) == 6  # three lines of each side, each once
    assert_unmixed(seen_months(platform, stamps=True))
    publications = platform.published.publications()
    assert len({p.run_id for p in publications}) == len(publications)
    assert not {p.run_id for p in publications} & {run.run_id for run in runs(instance, dg.DagsterRunStatus.FAILURE)}
    # A schedule that came due while no daemon ran is made up for.
    until("the daily refresh was asked for", lambda: is_refreshed(instance))


def test_the_daemon_follows_files_that_come_and_go_and_what_happens_to_a_load(
    services: Services, home: Path, instance: dg.DagsterInstance
) -> None:
    """The bug this fixes: a set of files, once loaded, was never loaded again by the sensor."""
    platform = platform_in(home)
    raw, landed = platform.raw, platform.settings.landing / microsoft_name(MONTH, "NCE")
    land_months(platform.settings.landing, [MONTH])  # as it is already, where the test before ran

    def rows() -> int | None:
        month = raw.read("ms_recon_nce", MONTH)
        return month.rows if month else None

    until("the month is loaded", lambda: rows() == 3)
    second = landed.with_name(f"{landed.stem}_part2.csv")
    second.write_bytes(landed.read_bytes().replace(b"sub-", b"other-"))
    until("a file that was added is loaded", lambda: rows() == 6)
    second.unlink()
    until("a file that was removed is no longer in it", lambda: rows() == 3)
    second.write_bytes(landed.read_bytes().replace(b"sub-", b"other-"))
    until("it comes back", lambda: rows() == 6)
    second.unlink()
    until("and goes", lambda: rows() == 3)
    shutil.rmtree(raw.month_folder("ms_recon_nce", MONTH))
    until("a raw month that was lost is loaded again", lambda: rows() == 3)
    record = raw.month_folder("ms_recon_nce", MONTH) / "month.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps(content | {"load_id": f"{content['load_id']}-older"}), encoding="utf-8")
    until(
        "an older reader's month is loaded again",
        lambda: not raw.read("ms_recon_nce", MONTH).load_id.endswith("-older"),
    )  # type: ignore[union-attr]
    kept = landed.read_bytes()
    landed.unlink()
    until("a month without files is absent", lambda: rows() is None)
    landed.write_bytes(kept)
    until("and back", lambda: rows() == 3)


def is_refreshed(instance: dg.DagsterInstance) -> bool:
    asked = [run.tags.get("dagster/run_key", "") for run in instance.get_runs()]
    return any(key.startswith(f"refresh:subscriptions:{MONTH}:") for key in asked)


def retried(instance: dg.DagsterInstance) -> bool:
    """Every run that failed was run again by the daemon, in the end with success."""
    dead = {run.root_run_id or run.run_id for run in runs(instance, dg.DagsterRunStatus.FAILURE)}
    return bool(dead) and dead <= {run.root_run_id for run in runs(instance, dg.DagsterRunStatus.SUCCESS)}


def test_webserver_app_and_daemon_pass_their_health_checks(services: Services, cluster: Cluster) -> None:
    cluster.execute((DEPLOY / "postgres" / "issues.sql").read_text(encoding="utf-8"))
    for name in ("webserver", "app"):
        services.start(name)
    for name in ("webserver", "app", "daemon"):
        until(f"{name} is healthy", partial(services.is_healthy, name))
    with urllib.request.urlopen(f"http://127.0.0.1:{services.port('3000')}/server_info", timeout=10) as answer:
        assert b"dagster_version" in answer.read()
    # Health is for everybody, pages for whom the proxy names: it is at the gateway of the containers' network.
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://127.0.0.1:{services.port('8050')}/", timeout=10)


@pytest.mark.search  # what the month above has left
def test_the_password_of_the_database_is_in_no_log_and_no_event(services: Services, cluster: Cluster) -> None:
    for name in ("code", "daemon", "webserver", "app"):
        assert services.log(name)
        assert PASSWORD not in services.log(name)
    with cluster.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (where event like %s) from event_logs", [f"%{PASSWORD}%"])
        events, with_password = cursor.fetchone()
    assert events > 100
    assert with_password == 0
    for path in services.home.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
