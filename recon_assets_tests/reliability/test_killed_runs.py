"""A run that is killed (SIGKILL): readers keep the earlier months whole, and the next run completes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recon_assets.platform import Platform
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import (
    MONTHS,
    Seen,
    assert_unmixed,
    copy_home,
    land_corrections,
    run,
    run_statuses,
    seen_months,
)

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 120  # seconds; only a hanging test takes so long

RERUN = MONTHS[:2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def corrected(published_home: Path, make_once: MakeOnce) -> Seen:
    """What readers see once Microsoft's files were replaced and nothing killed the run."""

    def make(home: Path) -> None:
        platform = copy_home(published_home, home)
        land_corrections(platform.settings.landing, RERUN)
        assert run(platform, RERUN)[0] == 0

    return seen_months(platform_in(make_once("corrected", make)))


def start(platform: Platform, place: str, reached: Path) -> subprocess.Popen[bytes]:
    """A `recon run` of two months that stops at `place`."""
    arguments = [place, str(reached), "run", "--months", f"{RERUN[0]}..{RERUN[-1]}"]
    environment = os.environ | {"RECON_HOME": str(platform.settings.home), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-m", "recon_assets_tests.reliability.driver", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


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
    [
        ("before_raw_commit", 0),
        ("while_dbt_builds", 0),
        ("between_marts", 1),
    ],
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

    process = start(platform, place, tmp_path / "reached")
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


def test_a_killed_first_run_leaves_nothing_published_and_the_next_one_completes(
    published_home: Path, tmp_path: Path
) -> None:
    platform = platform_in(tmp_path / "home")
    everything = copy_home(published_home, tmp_path / "published")
    for file in everything.landing.list_files(""):
        target = platform.settings.landing / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((everything.settings.landing / file.path).read_bytes())
    process = start(platform, "before_publication_row", tmp_path / "reached")
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
