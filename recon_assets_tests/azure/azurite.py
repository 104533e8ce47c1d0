"""Azurite as the tests use it: one account, whose key is a canary, and a container per test."""

import base64
import os
import subprocess
import time
import uuid
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from recon_assets.azure.account import StorageAccount, open_account
from recon_assets.azure.settings import AzureSettings
from recon_assets_tests import npm
from recon_assets_tests.machine import free_port

HERE = Path(__file__).resolve().parent / "azurite"
PROGRAM = HERE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT = "reconaccount"
ACCOUNT_KEY = base64.b64encode(b"CANARY-account-key-of-the-tests-0123456789").decode()


class Azurite:
    """A running emulator, holding everything in memory. With a certificate it speaks TLS and takes tokens of Entra."""

    def __init__(self, log: Path, certificate: tuple[Path, Path] | None = None) -> None:
        if reason := npm.install(HERE, PROGRAM):
            raise RuntimeError(f"Azurite: {reason}")
        self.port = free_port()
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/{ACCOUNT}"
        self.log = log
        options = ["--blobPort", str(self.port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
        if certificate:
            options += ["--cert", str(certificate[0]), "--key", str(certificate[1]), "--oauth", "basic"]
        environment = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                ["node", str(PROGRAM), *options], stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=log.parent
            )
        self._wait_until_ready()

    def new_container(self) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        with BlobServiceClient(self.url, credential=ACCOUNT_KEY, connection_verify=False) as service:
            service.create_container(name).close()
        return name

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 180  # on a busy machine
        while "successfully listens" not in self.log.read_text(encoding="utf-8"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Azurite did not start: {self.log.read_text(encoding='utf-8')[-500:]}")
            time.sleep(0.05)


def missing() -> str | None:
    """Why Azurite cannot run here; None when it can."""
    return npm.install(HERE, PROGRAM)


def azure_settings(url: str, **changes: object) -> AzureSettings:
    """Settings that lead to an emulator (or a proxy of it), without pauses to speak of."""
    chosen = {"endpoint": url, "account_key": ACCOUNT_KEY, "first_wait_seconds": 0.01, "longest_wait_seconds": 0.05}
    return AzureSettings(_env_file=None, **{**chosen, **changes})  # type: ignore[arg-type, call-arg]


def account_at(url: str, **changes: object) -> StorageAccount:
    return open_account(azure_settings(url, **changes))


def azure_environment(url: str) -> dict[str, str]:
    """The same as RECON_* variables, for runs that read their own settings."""
    return {
        "RECON_AZURE_ENDPOINT": url,
        "RECON_AZURE_ACCOUNT_KEY": ACCOUNT_KEY,
        "RECON_AZURE_FIRST_WAIT_SECONDS": "0.01",
        "RECON_AZURE_LONGEST_WAIT_SECONDS": "0.05",
    }
