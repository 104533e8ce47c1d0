"""A run that is killed (SIGKILL): readers keep the earlier months whole, and the next run completes."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.home import open_instance
from recon_assets.runner import run_months
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import (
    MONTHS,
    RERUN,
    Seen,
    assert_unmixed,
    at_home,
    copy_home,
    land_corrections,
    land_months,
    run,
    run_statuses,
    seen_months,
    start_run,
)
from recon_assets_tests.search import guarded_by

PATIENCE = 300  # seconds; only a hanging test takes so long

pytestmark = [pytest.mark.search, pytest.mark.slow]


@pytest.fixture(scope="session")
def corrected(published_home: Path, make_once: MakeOnce) -> Seen:
    """What readers see once Microsoft's files were replaced and nothing killed the run."""

    def make(home: Path) -> None:
        platform = copy_home(published_home, home)
        land_corrections(platform.settings.landing, RERUN)
        assert run(platform, RERUN)[0] == 0

    return seen_months(platform_in(make_once("corrected", make)))


def wait_until_reached(process: subprocess.Popen[bytes], reached: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached.exists():
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else "ended"
        assert time.monotonic() < deadline, "the place was not reached"
        time.sleep(0.05)


def without_changes(seen: Seen, month: str) -> dict[str, list[dict[str, object]]]:
    return {mart: rows for mart, rows in seen[month].items() if mart != "reconciliation_changes"}


@pytest.mark.parametrize(
    ("place", "published_by_killed_run"),
    guarded_by([("between_marts", 1)], of=[("before_raw_commit", 0), ("while_dbt_builds", 0), ("between_marts", 1)]),
)
def test_a_killed_run_leaves_whole_months_and_the_next_run_completes(
    place: str, published_by_killed_run: int, published_home: Path, corrected: Seen, tmp_path: Path
) -> None:
    platform = copy_home(published_home, tmp_path / "home")
    earlier = seen_months(platform)
    assert list(earlier) == MONTHS
    assert all(earlier[month] != corrected[month] for month in RERUN)
    land_corrections(platform.settings.landing, RERUN)
    done, untouched = MONTHS[:published_by_killed_run], MONTHS[published_by_killed_run:]
    expected = {m: corrected[m] for m in done} | {m: earlier[m] for m in untouched}

    process = start_run(platform, RERUN, stop=(place, str(tmp_path / "reached")))
    try:
        wait_until_reached(process, tmp_path / "reached")
        assert seen_months(platform) == expected
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL

    assert seen_months(platform) == expected
    assert_unmixed(seen_months(platform, stamps=True))
    assert run_statuses(platform)["STARTED"] == 1

    code, outcome = run(platform, RERUN)
    assert (code, outcome.problems) == (0, [])
    after = seen_months(platform)
    # What the killed run published is no change any more; of the other months everything is as without the kill.
    assert {m: without_changes(after, m) for m in done} == {m: without_changes(corrected, m) for m in done}
    assert {m: after[m] for m in untouched} == {m: corrected[m] for m in untouched}
    assert_unmixed(seen_months(platform, stamps=True))
    statuses = run_statuses(platform)
    assert "STARTED" not in statuses
    assert statuses["FAILURE"] == 1


def test_a_run_killed_before_it_started_is_marked_as_failed_by_the_next_one(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_months(platform.settings.landing, [MONTHS[0]])
    gone = subprocess.Popen(["true"])
    gone.wait()
    tags = {"recon/host": socket.gethostname(), "recon/pid": str(gone.pid)}
    with at_home(platform), open_instance(platform.settings) as instance:
        job = build_definitions(platform).resolve_job_def("load_raw")
        run_id = instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags).run_id
        alive = instance.create_run_for_job(job, tags=tags | {"recon/pid": str(os.getpid())}).run_id
        run_months(platform, [], [MONTHS[0]], lambda step, done, total: None)
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {run_id: dg.DagsterRunStatus.FAILURE, alive: dg.DagsterRunStatus.NOT_STARTED}


@pytest.mark.search
def test_a_killed_first_run_leaves_nothing_published_and_the_next_one_completes(
    published_home: Path, tmp_path: Path
) -> None:
    platform = platform_in(tmp_path / "home")
    everything = copy_home(published_home, tmp_path / "published")
    for file in everything.landing.list_files(""):
        target = platform.settings.landing / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((everything.settings.landing / file.path).read_bytes())
    process = start_run(platform, RERUN, stop=("before_publication_row", str(tmp_path / "reached")))
    try:
        wait_until_reached(process, tmp_path / "reached")
        assert seen_months(platform) == {}
    finally:
        process.kill()
        process.communicate()
    assert seen_months(platform) == {}
    assert run(platform, RERUN)[0] == 0
    published = seen_months(everything)
    assert seen_months(platform) == {month: published[month] for month in RERUN}
