"""The services of deploy/compose.yaml as processes of this machine: the same commands, on a home in a temporary folder."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from recon_assets_tests.machine import free_port
from recon_assets_tests.postgres import PASSWORD, Cluster

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
PATIENCE = 400  # seconds; only a hanging test takes so long
# Times of deploy/dagster.yaml, and what they are here.
QUICKER = {
    "poll_interval_seconds: 30": "poll_interval_seconds: 1",
    "run_queue:": "run_queue:\n  dequeue_interval_seconds: 1",
}
STOPPABLE = "recon_assets_tests.deploy.stoppable"

WaitFor = Callable[[], Any]


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return content


def until(what: str, reached: WaitFor, patience: float = PATIENCE) -> Any:
    """What `reached` returns, as soon as it is true."""
    deadline = time.monotonic() + patience
    while not (found := reached()):
        assert time.monotonic() < deadline, f"{what}: not within {patience} seconds"
        time.sleep(0.2)
    return found


def filled_in(value: str) -> str:
    """A value of compose.yaml whose variables are not set but for the password: the default behind `:-`."""
    value = re.sub(r"\$\{POSTGRES_PASSWORD:[^}]*\}", PASSWORD, value)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


class Services:
    """The commands of compose.yaml with this machine's addresses and folders in the place of the containers'."""

    def __init__(self, home: Path, cluster: Cluster, **settings: str) -> None:
        self.home = home
        self._logs = home / "logs"
        dagster_home = home / "dagster"
        dagster_home.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(exist_ok=True)
        shutil.copy(DEPLOY / "workspace.yaml", dagster_home)
        config = (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")
        for patient, quick in QUICKER.items():
            assert patient in config
            config = config.replace(patient, quick)
        (dagster_home / "dagster.yaml").write_text(config, encoding="utf-8")
        self._ports = {inside: str(free_port()) for inside in ("4000", "3000", "8050")}
        self._postgres = f"127.0.0.1:{cluster.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "DAGSTER_"))},
            **cluster.environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONWARNINGS": "ignore",
            "RECON_HOME": str(home),
            "DAGSTER_HOME": str(dagster_home),
            "RECON_CODE_HOST": "127.0.0.1",
            "RECON_CODE_PORT": self._ports["4000"],
            "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
            **settings,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def local(self, command: list[str]) -> list[str]:
        """A command of compose.yaml as it runs here."""
        here = {"recon_assets.definitions": STOPPABLE, **self._ports}
        if command[0] != "recon":  # the app asks who somebody is, and does so only where others reach it
            here["0.0.0.0"] = "127.0.0.1"
        return [
            self._with_ports(here.get(part, part.replace("/data/dagster", self.environment["DAGSTER_HOME"]))).replace(
                "$$", "$"
            )  # compose's way to write a dollar
            for part in command
        ]

    def _with_ports(self, part: str) -> str:
        for inside, here in self._ports.items():
            part = part.replace(f"127.0.0.1:{inside}/", f"127.0.0.1:{here}/")
        return part

    def own_environment(self, name: str) -> dict[str, str]:
        """Settings that compose.yaml gives to one service alone, and the address of the issues."""
        given = compose()["services"]
        own = set(given[name]["environment"]) - set(given["code"]["environment"]) | {"RECON_ISSUES_URL"}
        return {
            variable: filled_in(given[name]["environment"][variable]).replace("postgres:5432", self._postgres)
            for variable in own
        }

    def start(self, name: str) -> None:
        log = (self._logs / name).open("ab")
        command = self.local(compose()["services"][name]["command"])
        self._processes[name] = subprocess.Popen(
            command,
            env=self.environment | self.own_environment(name),
            cwd=self.home,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def is_healthy(self, name: str) -> bool:
        """What the service's health check of compose.yaml says."""
        assert self._processes[name].poll() is None, self.log(name)[-4000:]
        test = self.local(compose()["services"][name]["healthcheck"]["test"][1:])
        done = subprocess.run(test, env=self.environment, cwd=self.home, capture_output=True, check=False, timeout=60)
        return done.returncode == 0

    def kill(self, name: str) -> None:
        """SIGKILL for every process of a service, as when its container is killed."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def has_ended(self, name: str) -> bool:
        return self._processes[name].poll() is not None

    def port(self, inside: str) -> str:
        """Where a port of the containers is on this machine."""
        return self._ports[inside]

    def restart_ended(self) -> None:
        """What `restart: unless-stopped` does: a container that ended is started again, without its child processes."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                self.start(name)

    def log(self, name: str) -> str:
        return (self._logs / name).read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
