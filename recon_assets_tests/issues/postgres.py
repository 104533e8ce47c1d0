"""A PostgreSQL server of the tests' own: Debian's package, a fresh cluster in a temporary folder, a free port."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

_PACKAGE = "postgresql"


def why_not() -> str | None:
    """Why PostgreSQL cannot run here; None when it can. Root installs Debian's package when it is missing."""
    if _bin() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", _PACKAGE]
        subprocess.run(
            command, capture_output=True, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
    return None if _bin() else f"PostgreSQL is not installed: apt-get install {_PACKAGE}"


def _bin() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    """A running server; it refuses to run as root, so root starts it as the package's own user."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._data.mkdir()
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self._data, "postgres")
            for parent in self._data.parents:
                if not parent.stat().st_mode & 0o001 and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
            self._as_user = ["runuser", "-u", "postgres", "--"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._run("initdb", "-D", str(self._data), "-U", "recon", "--auth=trust", "--no-sync")
        options = f"-p {self._port} -h 127.0.0.1 -k '' -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", options, "start")

    def database(self, name: str) -> str:
        """URL of a new, empty database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "recon", name)
        return f"postgresql+psycopg://recon@127.0.0.1:{self._port}/{name}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        folder = _bin()
        assert folder is not None
        command = [*self._as_user, str(folder / program), *arguments]
        # Not captured: the server would keep the pipe open.
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
