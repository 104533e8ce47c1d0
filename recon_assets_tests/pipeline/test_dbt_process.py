"""dbt's process: what it answers, and how it and whoever asked it end when one of them is killed."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from recon_assets.errors import ReconError
from recon_assets.pipeline import dbt_process
from recon_assets.pipeline.dbt_job import Job
from recon_assets.pipeline.dbt_process import begin_in_dbt_process, build_in_dbt_process, end_begun, end_dbt, is_begun
from recon_assets.pipeline.project import PROJECT_DIR

PATIENCE = 120  # seconds; only a hanging test takes so long
PROGRAM = "recon_assets.pipeline.dbt_worker"

# A process that asks for a build of a home in which nothing has landed.
ASKING = """
import sys
from recon_assets.pipeline.dbt_process import build_in_dbt_process
from recon_assets_tests.pipeline.test_dbt_process import job_in
from pathlib import Path
build_in_dbt_process(job_in(Path(sys.argv[1])))
"""

# dbt's process made ready with a project that nobody has parsed; then a build of it finds the project changed.
CHANGED = """
import os, sys
from pathlib import Path
from recon_assets.pipeline import dbt_worker, project
project.PROJECT_DIR = Path(sys.argv[1])
assert dbt_worker._prepared("duckdb") is not None
with (project.PROJECT_DIR / "dbt_project.yml").open("a", encoding="utf-8") as file:
    file.write("# changed")
build = os.fork()
if build == 0:
    project.manifest_folder()
    os._exit(0)
sys.exit(os.waitpid(build, 0)[1])
"""


def job_in(folder: Path) -> Job:
    """A build in an empty home, which dbt refuses after a while: its variables do not name the subject."""
    return Job("duckdb", "subscriptions", ["2025-01"], str(folder), str(folder / "build.duckdb"), "1GB", {}, {})


@pytest.fixture
def own_process() -> Iterator[None]:
    """A process of dbt that no other test has used."""
    end_dbt()
    yield
    end_dbt()


def dbt_of(process: psutil.Process) -> list[psutil.Process]:
    """Processes of dbt that a process has started, or that such a one has forked."""
    return [child for child in process.children() if runs_dbt(child)]


def runs_dbt(process: psutil.Process) -> bool:
    try:
        return PROGRAM in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def build_of(process: psutil.Process) -> psutil.Process:
    """The process that builds, as soon as it is there: forked by dbt's, and watching who asked by a second thread."""
    return wait_for(lambda: next((build for dbt in dbt_of(process) for build in dbt_of(dbt) if watches(build)), None))


def watches(process: psutil.Process) -> bool:
    try:
        return process.num_threads() > 1
    except psutil.Error:  # it has just ended
        return False


def wait_for(find: Callable[[], psutil.Process | None]) -> psutil.Process:
    deadline = time.monotonic() + PATIENCE
    while (found := find()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return found


def kill_when_there(find: Callable[[], psutil.Process]) -> threading.Thread:
    killer = threading.Thread(target=lambda: find().send_signal(signal.SIGKILL))
    killer.start()
    return killer


def test_what_dbt_refuses_is_told_and_its_process_serves_the_next_build(
    own_process: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(ReconError, match=r"^dbt could not build month_status"):
        build_in_dbt_process(job_in(tmp_path))
    (process,) = dbt_of(psutil.Process())
    assert process.num_threads() == 1, "a fork of several threads may hang"
    assert process.cmdline()[-2:] == [PROGRAM, "duckdb"], "what is built is no business of a list of processes"
    with pytest.raises(ReconError, match=r"^dbt could not build month_status"):
        build_in_dbt_process(job_in(tmp_path_factory.mktemp("next")))
    assert dbt_of(psutil.Process()) == [process]


def test_a_build_that_is_killed_is_an_error_that_says_so(own_process: None, tmp_path: Path) -> None:
    killer = kill_when_there(lambda: build_of(psutil.Process()))
    with pytest.raises(ReconError, match=r"was killed \(SIGKILL\).*RECON_BUILD_MEMORY_LIMIT"):
        build_in_dbt_process(job_in(tmp_path))
    killer.join()
    assert dbt_of(psutil.Process()) == []


def test_a_build_that_was_begun_is_waited_for_once(own_process: None, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    begin_in_dbt_process(job)
    process = build_of(psutil.Process()).parent()
    assert is_begun(job)
    with pytest.raises(ReconError, match=r"^dbt could not build month_status"):
        build_in_dbt_process(job)
    assert not is_begun(job)
    assert dbt_of(psutil.Process()) == [process]


def test_a_build_that_was_begun_and_killed_is_an_error_that_says_so(own_process: None, tmp_path: Path) -> None:
    begin_in_dbt_process(job_in(tmp_path))
    dbt_of(psutil.Process())[0].send_signal(signal.SIGKILL)
    with pytest.raises(ReconError, match=r"was killed \(SIGKILL\)"):
        build_in_dbt_process(job_in(tmp_path))


def test_a_build_that_was_begun_gives_way_to_another_one(own_process: None, tmp_path: Path) -> None:
    begun = job_in(tmp_path / "begun")
    begin_in_dbt_process(begun)
    process = build_of(psutil.Process()).parent()
    with pytest.raises(ReconError, match=r"^dbt could not build month_status"):
        build_in_dbt_process(job_in(tmp_path))
    assert dbt_of(psutil.Process()) != [process], "its answer would be taken for that of the next"
    assert not is_begun(begun)


def test_a_build_that_was_begun_and_given_up_is_ended(own_process: None, tmp_path: Path) -> None:
    begin_in_dbt_process(job_in(tmp_path))
    end_begun()
    assert dbt_of(psutil.Process()) == []


def test_dbts_process_that_ends_by_itself_is_an_error_with_its_exit_code_and_last_words(
    own_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt_process, "PROGRAM", "recon_assets.no_such_program")
    with pytest.raises(ReconError, match=r"ended with exit code 1\. Its last words: .*no_such_program"):
        build_in_dbt_process(job_in(tmp_path))


def test_a_process_that_is_killed_leaves_no_dbt(tmp_path: Path) -> None:
    asking = subprocess.Popen([sys.executable, "-c", ASKING, str(tmp_path)], stderr=subprocess.PIPE)
    building = build_of(psutil.Process(asking.pid))
    left = [building, *building.parents()[:1]]
    assert left[1].ppid() == asking.pid
    asking.kill()
    asking.communicate()
    gone, alive = psutil.wait_procs(left, PATIENCE)
    assert (len(gone), alive) == (2, [])


def test_dbt_that_nothing_was_asked_of_ends_with_the_process_without_a_word(tmp_path: Path) -> None:
    program = "from recon_assets.pipeline.dbt_process import start_dbt; start_dbt('duckdb')\n"
    program += "import psutil; print(*(child.pid for child in psutil.Process().children()))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (pid,) = map(int, ended.stdout.split())
    assert not psutil.pid_exists(pid)
    assert ended.stderr == ""


def test_a_project_that_was_never_parsed_and_changes_before_its_build_is_parsed_again(tmp_path: Path) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    subprocess.run([sys.executable, "-c", CHANGED, str(project)], check=True, timeout=PATIENCE)
    assert len(list((project / "target").glob("parsed-duckdb-*/complete"))) == 1
