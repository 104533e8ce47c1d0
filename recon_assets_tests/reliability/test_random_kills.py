"""Runs killed (SIGKILL) at moments drawn at random: months stay whole, and the first run that is left alone completes.

RECON_KILL_ROUNDS sets how many rounds of three kills `make search` does. A round has its number as seed, so that it can be run again alone.
"""

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import dagster as dg
import psutil
import pyarrow.parquet as pq
import pytest

from recon_assets.catalogue import SOURCES, SUBJECTS
from recon_assets.home import open_instance
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets.sample import write_sample
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import (
    SAMPLE_MONTH,
    Row,
    at_home,
    copy_home,
    make_sample_published,
    run,
    run_statuses,
    seen_months,
)

# Read when tests are collected: the tests themselves run without RECON_* of the shell.
ROUNDS = int(os.environ.get("RECON_KILL_ROUNDS", "3"))
KILLS = 3  # a round, one after the other; the last while it publishes, of which the others would hit little
PUBLISHING = 0.6  # seconds of CPU, about what it takes
OTHER_SEED = 8

pytestmark = [pytest.mark.slow, pytest.mark.search, pytest.mark.timeout(900)]

Published = dict[str, dict[str, list[Row]]]  # reconciliation -> mart -> rows of the month


def seen_by_subject(platform: Platform, stamps: bool = False) -> Published:
    seen: Published = {}
    for mart, rows in seen_months(platform, stamps).get(SAMPLE_MONTH, {}).items():
        for row in rows:
            subject = row["reconciliation"] if "reconciliation" in row else published_marts()[mart].subjects[0]
            seen.setdefault(subject, {}).setdefault(mart, []).append(row)
    return seen


def without_changes(marts: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {mart: rows for mart, rows in marts.items() if mart != "reconciliation_changes"}


@pytest.fixture(scope="session")
def sample_home(make_once: MakeOnce) -> Path:
    return make_once("sample-published", make_sample_published)


@pytest.fixture(scope="session")
def other_files(make_once: MakeOnce) -> Path:
    """The landing zone of another sample: all amounts differ."""
    return (
        make_once("other-sample", lambda home: write_sample(home / "landing", [SAMPLE_MONTH], OTHER_SEED)) / "landing"
    )


def replace_files(platform: Platform, subject: str, files: Path) -> None:
    """Replace every landed file of the subject by that of `files`."""
    for prefix in {SOURCES[source].prefix for source in SUBJECTS[subject].compared}:
        shutil.rmtree(platform.settings.landing / prefix)
        shutil.copytree(files / prefix, platform.settings.landing / prefix, copy_function=shutil.copy)


@pytest.fixture(scope="session")
def unkilled(make_once: MakeOnce, sample_home: Path, other_files: Path) -> dict[str, tuple[Published, float]]:
    """By subject: what readers see when the run that reads the other files is not killed, and its seconds of CPU."""
    found = {}
    for subject in list(SUBJECTS)[:ROUNDS]:

        def make(home: Path, subject: str = subject) -> None:
            platform = copy_home(sample_home, home)
            replace_files(platform, subject, other_files)
            was_killed, seconds = kill_at(start(platform, subject), float("inf"))
            assert not was_killed
            (home / "seconds").write_text(str(seconds))

        home = make_once(f"unkilled-{subject}", make)
        found[subject] = seen_by_subject(platform_in(home)), float((home / "seconds").read_text())
    return found


def start(platform: Platform, subject: str) -> ForkServerProcess:
    """`recon run` as a process of its own, whose imports are done: a kill while it imports would prove nothing."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    process = processes.Process(target=recon_run, args=(str(platform.settings.home), subject))
    process.start()
    return process


def recon_run(home: str, subject: str) -> None:
    os.setsid()  # a group of its own, that is killed with its children
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        sys.exit(run(platform_in(Path(home)), [SAMPLE_MONTH], subject)[0])


def kill_at(process: ForkServerProcess, seconds: float, begun: Callable[[], bool] = lambda: True) -> tuple[bool, float]:
    """Kill the process so many seconds of CPU, its children's included, after `begun` held first: whether it still ran, and what it used.

    CPU, since the length of a run by the wall clock depends on what else the machine does.
    """
    assert process.pid is not None
    watched, used, start = psutil.Process(process.pid), 0.0, float("inf")
    while process.exitcode is None:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has just ended
            used = sum(map(_cpu_seconds, [watched, *watched.children(recursive=True)]))
            if start > used and begun():
                start = used
            if used - start >= seconds:
                os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.01)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0, used


def _cpu_seconds(process: psutil.Process) -> float:
    """Of the process and of those that it has waited for, such as the builds of dbt's."""
    return sum(process.cpu_times()[:4])


def published_files(platform: Platform) -> set[Path]:
    return set(platform.settings.published.rglob("*.parquet"))


def has_published_more(platform: Platform, than: set[Path]) -> bool:
    return published_files(platform) > than


def stage_reached(platform: Platform, known: set[str]) -> str:
    """What the newest run that is not `known` was doing."""
    with at_home(platform), open_instance(platform.settings) as instance:
        newest = next((run for run in instance.get_runs() if run.run_id not in known), None)
        if newest is None:
            return "before the first job"
        job = "loading" if newest.job_name == "load_raw" else "building"
        if newest.is_finished:
            return "after loading" if job == "loading" else "after publishing"
        started = instance.all_logs(newest.run_id, of_type=dg.DagsterEventType.STEP_START)
        return "publishing" if any((event.step_key or "").startswith("publish_") for event in started) else job


def run_ids(platform: Platform) -> set[str]:
    with at_home(platform), open_instance(platform.settings) as instance:
        return {run.run_id for run in instance.get_runs()}


def assert_raw_months_are_whole(platform: Platform, landed_before: set[str]) -> None:
    """Each names files that are there, with all their rows, of what has landed now or had landed before."""
    landed = {file.version for file in platform.landing.list_files("")}
    commits = sorted(platform.settings.raw.glob("*/*/month.json"))
    assert commits
    for commit in commits:
        month = platform.raw.read(commit.parents[1].name, commit.parent.name)
        assert month is not None
        rows = {table: _rows(platform, files) for table, files in month.tables.items()}
        assert (rows["rows"], rows["quarantine"]) == (month.rows, month.quarantined)
        assert month.versions <= landed or month.versions <= landed_before, f"{commit} is mixed"


def _rows(platform: Platform, files: list[str]) -> int:
    return sum(pq.read_metadata(platform.raw.root / file).num_rows for file in files)


def assert_of_one_publication(platform: Platform) -> None:
    current = platform.published.current()
    for subject, marts in seen_by_subject(platform, stamps=True).items():
        runs = {row["run_id"] for rows in marts.values() for row in rows}
        assert runs == {current[SAMPLE_MONTH, subject].run_id}, f"{subject} is mixed"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_runs_killed_at_any_moment_leave_whole_months_and_the_next_run_completes(
    number: int, sample_home: Path, other_files: Path, unkilled: dict[str, tuple[Published, float]], tmp_path: Path
) -> None:
    subject, moments = list(SUBJECTS)[number % len(SUBJECTS)], random.Random(number)
    complete, length = unkilled[subject]
    platform = copy_home(sample_home, tmp_path / "home")
    earlier = seen_by_subject(platform)
    assert earlier.keys() == complete.keys() == set(SUBJECTS)
    assert earlier[subject] != complete[subject]
    landed_before = {file.version for file in platform.landing.list_files("")}
    replace_files(platform, subject, other_files)
    # What a killed run published is no change any more to the next one.
    states = [earlier[subject], complete[subject], without_changes(complete[subject])]
    reached = 0
    for kill in range(KILLS):
        known, files = run_ids(platform), published_files(platform)
        if kill < KILLS - 1:
            was_killed, used = kill_at(start(platform, subject), moments.uniform(0, length))
        else:
            begun = partial(has_published_more, platform, files)
            was_killed, used = kill_at(start(platform, subject), moments.uniform(0, PUBLISHING), begun)
        seen = seen_by_subject(platform)
        assert seen[subject] in states[reached:]
        reached = states.index(seen[subject])
        stage = stage_reached(platform, known)
        print(f"{number}.{kill} {subject}: {used:.1f} of {length:.1f} s, {stage}, {was_killed=}, state {reached}")
        assert {**seen, subject: earlier[subject]} == earlier
        assert_of_one_publication(platform)
        assert_raw_months_are_whole(platform, landed_before)

    code, outcome = run(platform, [SAMPLE_MONTH], subject)
    assert (code, outcome.problems) == (0, [])
    assert seen_by_subject(platform) == {**earlier, subject: states[2 if reached else 1]}
    assert_of_one_publication(platform)
    assert_raw_months_are_whole(platform, set())
    assert run_statuses(platform).keys() <= {"SUCCESS", "FAILURE"}
