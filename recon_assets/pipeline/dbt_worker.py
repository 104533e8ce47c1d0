"""dbt's process (dbt_process.py): does all that needs no months, then forks a process for every job that it reads.

So a build begins with dbt imported, the project read and its macros compiled, and its memory ends with it. What forks
has one thread, so that no lock is held for ever by a thread that a fork leaves out.
"""

import gc
import json
import os
import select
import sys
import tempfile
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import duckdb

from recon_assets.errors import ReconError
from recon_assets.pipeline.dbt_build import Parsed, build_marts, parsed_project, run_nothing, tell_nobody
from recon_assets.pipeline.dbt_job import Job
from recon_assets.pipeline.engines import engine_named
from recon_assets.pipeline.project import is_parsed, manifest_folder, take_compiled_templates

_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR = range(3)


def main(engine: str) -> None:
    answers = os.fdopen(os.dup(_STANDARD_OUTPUT), "wb")  # what libraries print goes where errors go
    os.dup2(_STANDARD_ERROR, _STANDARD_OUTPUT)
    gc.disable()  # importing makes a million objects that stay
    parsed = _prepared(engine)
    duckdb.default_connection().close()  # importing DuckDB opens it, with threads
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)  # builds make much that stays until they end
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            _answer(Job(**json.loads(line)), parsed, answers)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:  # end as it has ended: who asked reads why
            os.kill(os.getpid(), -code)
        if code != 0:
            sys.exit(code)


def _prepared(engine: str) -> Parsed | None:
    """The project, with dbt imported and its templates compiled; None when the project cannot be read.

    Then the build comes upon the same error, and tells it.
    """
    if not _is_parsed_apart(engine):
        return None
    parsed = parsed_project(engine)
    tell_nobody()
    take_compiled_templates(parsed.folder)
    with tempfile.TemporaryDirectory() as folder:
        run_nothing(engine, parsed, Path(folder))
    return parsed


def _is_parsed_apart(engine: str) -> bool:
    """Parse the project in a process of its own, where it is not parsed as it is; whether it could be read.

    What dbt parses with (dbt_extractor) has threads that a fork lacks: it would wait for them for ever, if a build had
    to parse again after this process had.
    """
    targets = {engine_named(engine).target, "duckdb"}  # marts are declared in the latter (marts.py)
    if all(map(is_parsed, targets)):
        return True
    child = os.fork()
    if child == 0:
        try:
            for target in targets:
                manifest_folder(target)
        except BaseException:  # a build comes upon it too, and tells it
            os._exit(os.EX_SOFTWARE)
        os._exit(os.EX_OK)
    return os.waitpid(child, 0)[1] == 0


def _answer(job: Job, parsed: Parsed | None, answers: Any) -> NoReturn:
    """Do a job, write the answer and end this process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer: dict[str, Any]
        try:
            answer = {"made": asdict(build_marts(job, parsed))}
        except ReconError as error:
            answer = {"problem": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(os.EX_SOFTWARE)
    os._exit(os.EX_OK)  # what is still open belongs to the process that was forked


def _end_with_parent() -> None:
    """End this process when who asked for the build is gone, whatever ended it: its end of the pipe is closed then."""
    gone = select.poll()
    gone.register(_STANDARD_INPUT, 0)  # of no event but that: another job may be waiting there
    gone.poll()
    os._exit(os.EX_IOERR)


if __name__ == "__main__":
    main(sys.argv[1])
