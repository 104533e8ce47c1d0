"""A headless Chromium (Debian's), the app as a program of its own, and the accessibility rules: what browser tests use."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock

from recon_assets_tests import npm
from recon_assets_tests.machine import free_port, install_package

HERE = Path(__file__).resolve().parent
AXE = HERE / "axe" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_START_SECONDS = 60


def why_not() -> str | None:
    """Why no browser test can run here; None when they can. Root installs Debian's chromium when it is missing."""
    return _chromium() or npm.install(HERE / "axe", AXE)


def _chromium() -> str | None:
    with FileLock(HERE / ".install.lock"):
        if not CHROMIUM.exists():
            install_package("chromium")
    return None if CHROMIUM.exists() else "Chromium is not installed: apt-get install chromium"


class App:
    """`recon app` on a free port with a home of its own and `more` settings; `url` is where it answers."""

    def __init__(self, home: Path, published: Path, **more: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        settings = {"RECON_HOME": str(home), "RECON_PUBLISHED_URL": str(published), **more}
        self._log = home / "app.log"
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from recon_assets.cli import main; main()", "app", "--port", str(port)],
                env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT, cwd=home,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        self.process.terminate()  # a background shell has its processes ignore SIGINT
        self.process.wait(30)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the app did not start: {self.log()}")
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        raise RuntimeError(f"the app did not answer within {_START_SECONDS} s: {self.log()}")
