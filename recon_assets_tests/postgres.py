"""A PostgreSQL server of the tests' own: Debian's programs, a temporary folder, a free port, an unprivileged user."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from recon_assets_tests.machine import free_port, install_package

USER = "dagster"
PASSWORD = "canary-of-postgres"
PATIENCE = 60  # seconds


def programs() -> Path:
    """Folder of initdb and postgres; installed when they are missing and this user may."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        install_package("postgresql")
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed, and cannot be by this user")
    return found[-1].parent


class Cluster:
    def __init__(self) -> None:
        self._bin = programs()
        self._folder = Path(tempfile.mkdtemp(prefix="recon-pg-"))  # not below pytest's, which only root may enter
        self._user = "nobody" if os.geteuid() == 0 else None  # initdb refuses root
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if self._user:
            for path in (self._folder, password):
                shutil.chown(path, self._user)
        made = ["initdb", "-D", str(self._data), "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "-N"]
        self._run(*made, "--encoding=UTF8", "--locale=C").check_returncode()
        password.unlink()
        self.start()
        self.execute("create database dagster")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self._bin / program), *arguments]
        return subprocess.run(command, user=self._user, cwd=self._folder, capture_output=True, check=False, timeout=60)

    def start(self) -> None:
        """Start the server and wait until it answers; after a kill it recovers first."""
        options = ["-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder)]
        options += ["-c", "fsync=off"]  # what a killed process wrote is safe with the system
        deadline = time.monotonic() + PATIENCE
        while True:
            # A killed server's last children hold its shared memory for a moment: the next one ends at once.
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [str(self._bin / "postgres"), *options],
                    user=self._user,
                    cwd=self._folder,
                    stdout=subprocess.DEVNULL,
                    stderr=(self._folder / "log").open("ab"),
                )
            try:
                self.connect("postgres").close()
                return
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text(encoding="utf-8")
                time.sleep(0.1)

    def connect(self, database: str = "dagster") -> "psycopg2.extensions.connection":
        return psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database)

    def execute(self, sql: str) -> None:
        """A statement that is in no transaction, such as `create database`."""
        with closing(self.connect("postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)

    def database(self, name: str) -> str:
        """URL of a new, empty database."""
        self.execute(f"create database {name}")
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """SIGKILL for the server."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown, which does not wait for clients
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What deploy/dagster.yaml takes from the environment."""
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": "dagster",
            "DAGSTER_POSTGRES_USER": USER,
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        }
