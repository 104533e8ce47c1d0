"""Runs whose process is gone: noticed, so that a deployment can run them again."""

import os
import threading

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

_ANSWER_SECONDS = 20
_WATCHING_THREAD = "grpc-server-cleanup"  # Dagster's name for it


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, which can also tell whether a run's process is still there.

    Run monitoring marks runs failed whose process is gone; they would stay "started" for ever. While the code location
    does not answer nothing is decided: a run that is marked failed then cannot be run again by itself.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:  # of `recon run`, which looks after its own, or finished meanwhile
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_ANSWER_SECONDS)
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The code location does not answer.")
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The process of this run was ended from outside.")


def end_when_runs_are_not_watched() -> None:
    """End a code server whose thread that looks for dead runs has died, so that it is started again.

    Dagster's thread does not survive a database that is away for some seconds; the server would then go on saying
    that runs whose process is gone are running.
    """
    threading.excepthook = _end_with_the_watching_thread


def _end_with_the_watching_thread(args: threading.ExceptHookArgs) -> None:
    threading.__excepthook__(args)
    if args.thread is not None and args.thread.name == _WATCHING_THREAD:
        os._exit(os.EX_UNAVAILABLE)
