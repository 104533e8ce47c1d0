"""The contract proxy: `prism proxy --errors` with a contract, such as Microsoft's published one, in front of a service.

A request or answer that breaks the contract becomes an error of the proxy, and stands in its log.
"""

import subprocess
import time
from pathlib import Path

from recon_assets_tests import npm
from recon_assets_tests.machine import free_port
from recon_assets_tests.shared import official

HERE = Path(__file__).resolve().parent
# Microsoft's own description where it lies beside the repository, else ours of the same requests and answers.
OWN_CONTRACT = HERE / "graph.openapi.yaml"
CONTRACT = next(iter(official("openapi/msgraph-partners-billing.openapi.yaml")), OWN_CONTRACT)
PRISM = HERE / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"


def install() -> str | None:
    """Install the pinned proxy beside its lock file once; why not, when it fails."""
    return npm.install(HERE / "prism", PRISM)


class Prism:
    """A running proxy; `url` is where clients go."""

    def __init__(self, upstream: str, log: Path, contract: Path = CONTRACT) -> None:
        self.log = log
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["node", str(PRISM), "proxy", str(contract), upstream, "--errors", "-p", str(port)]
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        self._wait_until_ready()

    def violations(self, since: int = 0) -> list[str]:
        """Lines of the log, from a position, that say the contract was broken."""
        lines = self.log.read_text(encoding="utf-8")[since:].splitlines()
        return [line for line in lines if "Violation" in line or "prism/errors#" in line]

    def position(self) -> int:
        return len(self.log.read_text(encoding="utf-8"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while "is listening" not in self.log.read_text(encoding="utf-8"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"prism did not start: {self.log.read_text(encoding='utf-8')[-500:]}")
            time.sleep(0.1)
