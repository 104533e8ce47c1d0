"""Runs whose process is gone are noticed: by the launcher's health check, and by a code server that ends itself."""

import json
import os
import subprocess
import sys
import textwrap

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionResult
from dagster._serdes import serialize_value

from recon_assets.defs.launcher import WatchedRunLauncher
from recon_assets_tests.machine import free_port

OVERRIDES = {"run_launcher": {"module": WatchedRunLauncher.__module__, "class": WatchedRunLauncher.__name__}}


def status_of(tags: dict[str, str]) -> WorkerStatus:
    """What the launcher says of a started run with these tags."""
    with dg.instance_for_test(overrides=OVERRIDES) as instance:
        run = instance.create_run_for_job(_nothing, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.run_launcher.supports_check_run_worker_health
        return instance.run_launcher.check_run_worker_health(run).status


@dg.job
def _nothing() -> None:
    pass


@pytest.mark.parametrize(("alive", "status"), [(True, WorkerStatus.RUNNING), (False, WorkerStatus.NOT_FOUND)])
def test_a_run_is_there_as_long_as_its_code_location_knows_its_process(
    alive: bool, status: WorkerStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = serialize_value(CanCancelExecutionResult(can_cancel=alive))
    monkeypatch.setattr(DagsterGrpcClient, "can_cancel_execution", lambda *args, **kwargs: answer)
    assert status_of({GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": free_port()})}) == status


def test_nothing_is_decided_while_the_code_location_does_not_answer() -> None:
    """The bug this fixes: runs marked failed at that time were not run again, for want of a code location."""
    where = json.dumps({"host": "127.0.0.1", "port": free_port()})
    assert status_of({GRPC_INFO_TAG: where}) == WorkerStatus.RUNNING


def test_a_run_of_the_console_script_is_left_alone() -> None:
    assert status_of({"recon/pid": "1"}) == WorkerStatus.RUNNING


@pytest.mark.parametrize(("thread", "code"), [("grpc-server-cleanup", os.EX_UNAVAILABLE), ("another", 0)])
def test_a_code_server_ends_when_it_cannot_watch_its_runs_any_more(thread: str, code: int) -> None:
    program = f"""
        import threading
        from recon_assets.defs.launcher import end_when_runs_are_not_watched

        def fail():
            raise ConnectionError("the database is away")

        end_when_runs_are_not_watched()
        watching = threading.Thread(target=fail, name={thread!r})
        watching.start()
        watching.join()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=100)
    assert done.returncode == code
    assert "the database is away" in done.stderr
