"""What tests ask of the machine: Debian's packages and free ports."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock


def install_package(name: str) -> None:
    """Install a Debian package, where this user may; whether it is there then is for the caller to see."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with FileLock(Path(tempfile.gettempdir()) / "recon_apt.lock"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", name]):
            subprocess.run(["apt-get", *command], capture_output=True, check=False, timeout=280, env=environment)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
