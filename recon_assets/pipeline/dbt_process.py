"""The process in which dbt works for this one: started ahead or by the first build, ended with this process.

A process of its own imports dbt on another core while this one imports Dagster, plans and loads, and gives back all
memory of a build when it is made. Jobs go to its standard input and answers come from its standard output, a line of
JSON each (dbt_worker.py): nothing of a job stands in a command line.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from recon_assets.errors import ReconError
from recon_assets.pipeline.dbt_job import CheckResult, Job, Made, NodeResult
from recon_assets.transport.redaction import redact

PROGRAM = "recon_assets.pipeline.dbt_worker"
_LAST_CHARACTERS = 2000  # of its standard error, when it ended of itself


class _Worker:
    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.begun: Job | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process)
        # Not in the group of this process: Ctrl-C is for this one, which ends it. -P: no module of the current folder.
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", PROGRAM, engine]
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # numpy would start threads when it is imported
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            process_group=0,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def begin(self, job: Job) -> None:
        """Hand over a job, and do not wait for it."""
        assert self._process.stdin is not None
        self.begun = job
        with suppress(BrokenPipeError):  # it has ended, which `answer` tells
            self._process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to the job that was begun; ReconError when the process ends before it answers."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        self.begun = None
        if not answer:
            raise ReconError(self._why_ended())
        return dict(json.loads(answer))

    def _why_ended(self) -> str:
        code = self._process.wait()
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
        self._errors.seek(0)
        said = redact(self._errors.read().decode(errors="replace")).strip()[-_LAST_CHARACTERS:]
        hint = " It may have needed more memory than there is: RECON_BUILD_MEMORY_LIMIT." if code == -9 else ""
        return f"The process in which dbt builds {how}.{hint}" + (f" Its last words: {said}" if said else "")

    def end(self) -> None:
        """End it and what it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._errors.close()


_lock = threading.Lock()  # of the worker, which has one job at a time
_worker: _Worker | None = None


def start_dbt(engine: str) -> None:
    """Start dbt's process when it is not there: whoever builds later waits less."""
    with _lock:
        _running(engine)


def begin_in_dbt_process(job: Job) -> None:
    """Have a job begun that `build_in_dbt_process` waits for; one that was begun before is given up."""
    with _lock:
        _idle(job.engine).begin(job)


def is_begun(job: Job) -> bool:
    """Whether exactly this job was begun, and nobody has asked what came of it."""
    with _lock:
        return _worker is not None and _worker.begun == job


def end_begun() -> None:
    """Give up a job that was begun, if there is one."""
    with _lock:
        if _worker is not None and _worker.begun is not None:
            _end()


def build_in_dbt_process(job: Job) -> Made:
    """Build and test the marts of a job; ReconError when a model cannot be built or dbt's process ends."""
    with _lock:
        worker = _worker if _worker is not None and _worker.begun == job else _idle(job.engine)
        try:
            if worker.begun is None:
                worker.begin(job)
            answer = worker.answer()
        except BaseException:  # this process is to stop, or the worker has stopped
            _end()
            raise
    if "problem" in answer:
        raise ReconError(answer["problem"])
    made = answer["made"]
    nodes, checks = [NodeResult(**node) for node in made["nodes"]], [CheckResult(**check) for check in made["checks"]]
    return Made(made["months"], made["late_pairs"], nodes, checks)


def end_dbt() -> None:
    """End dbt's process, if there is one."""
    with _lock:
        _end()


def _running(engine: str) -> _Worker:
    global _worker
    if _worker is None or _worker.engine != engine or not _worker.is_running:
        _end()
        _worker = _Worker(engine)
    return _worker


def _idle(engine: str) -> _Worker:
    """A worker that does nothing: one that has begun a job is ended, for its answer would be taken for the next."""
    if _worker is not None and _worker.begun is not None:
        _end()
    return _running(engine)


def _end() -> None:
    global _worker
    if _worker is not None:
        _worker.end()
        _worker = None


atexit.register(end_dbt)
