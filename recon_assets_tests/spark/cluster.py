"""A standalone Spark cluster of the tests' own: a master and two workers as processes, from the pyspark wheel."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from recon_assets_tests.machine import free_port

HOST = "127.0.0.1"
WORKERS = 2
LOCAL = {"SPARK_LOCAL_IP": HOST}  # whatever the machine calls itself; for the driver too
PATIENCE = 180  # seconds until every worker has registered
_DEPLOY = "org.apache.spark.deploy"


class SparkCluster:
    """`start` returns when every worker has registered; `stop` ends all processes."""

    def __init__(self, folder: Path, spark_home: Path) -> None:
        self._folder = folder
        self._class = str(spark_home / "bin" / "spark-class")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._port, self._page = free_port(), free_port()
        self.master = f"spark://{HOST}:{self._port}"

    def start(self) -> None:
        ports = ["--port", str(self._port), "--webui-port", str(self._page)]
        self._start("master", f"{_DEPLOY}.master.Master", "--host", HOST, *ports)
        for name in self.workers():
            size = ["--cores", "1", "--memory", "1g", "--work-dir", str(self._folder / name)]
            self._start(name, f"{_DEPLOY}.worker.Worker", "--host", HOST, "--webui-port", "0", *size, self.master)
        self._await_workers()

    def _start(self, name: str, main_class: str, *options: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            command = [self._class, main_class, *options]
            # A session each: a worker's executors are killed with it, as when a machine is lost.
            self._processes[name] = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | LOCAL, start_new_session=True
            )

    def _await_workers(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert all(process.poll() is None for process in self._processes.values()), self._logs()
            if self._state().get("aliveworkers") == WORKERS:
                return
            time.sleep(0.5)
        raise AssertionError(f"no {WORKERS} workers after {PATIENCE} seconds: {self._logs()}")

    def _state(self) -> dict[str, Any]:
        """What the master says of itself; nothing while it is starting."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._page}/json/", timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            return {}

    def _logs(self) -> str:
        return "\n".join(path.read_text(encoding="utf-8")[-2000:] for path in sorted(self._folder.glob("*.log")))

    def workers(self) -> list[str]:
        return [f"worker-{number}" for number in range(1, WORKERS + 1)]

    def applications(self, worker: str) -> set[str]:
        """Applications that had an executor on this worker."""
        return {path.parent.name for path in (self._folder / worker).glob("app-*/*") if path.is_dir()}

    def kill(self, worker: str) -> None:
        """SIGKILL for a worker and its executors."""
        os.killpg(self._processes[worker].pid, signal.SIGKILL)
        self._processes[worker].wait(timeout=60)

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            process.wait(timeout=60)
