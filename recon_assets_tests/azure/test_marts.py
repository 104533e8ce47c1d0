"""From files to marts by settings alone: Azure gives what a folder gives, and no secret is left anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets_tests.azure.azurite import ACCOUNT_KEY, Azurite, azure_environment
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import seen_months

pytestmark = [pytest.mark.azure, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
MONTH = "2025-01"
CLIENT_SECRET = "CANARY-client-secret-of-an-identity"
CANARIES = (ACCOUNT_KEY, CLIENT_SECRET, "CANARY")


def recon(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of the console script, as a person runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "AZURE_"))}
    environment |= {"RECON_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", **settings}
    command = [sys.executable, "-c", "from recon_assets.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=600, check=False)


def on_azure(azurite: Azurite) -> dict[str, str]:
    name = azurite.new_container()
    return {
        "RECON_LANDING_URL": f"az://{name}/landing",
        "RECON_PUBLISHED_URL": f"az://{name}/lake/published",
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        **azure_environment(azurite.url),
    }


def secrets_below(*folders: Path) -> list[str]:
    """Files that hold a canary."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(canary.encode() in path.read_bytes() for canary in CANARIES)
    ]


@pytest.mark.timeout(1200)
def test_the_same_landing_files_through_a_folder_and_through_azure_give_equal_marts(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    homes = {"folder": tmp_path / "folder", "azure": tmp_path / "azure"}
    settings = {"folder": {}, "azure": on_azure(azurite) | {"TMPDIR": str(scratch)}}
    commands = {"folder": [["sample", "--months", MONTH], ["run", "--months", MONTH]]}
    commands["azure"] = [*commands["folder"], ["status"], ["doctor"]]
    said = ""
    for name, home in homes.items():
        home.mkdir()
        for arguments in commands[name]:
            done = recon(home, *arguments, **settings[name])
            assert done.returncode == 0, done.stdout + done.stderr
            said += done.stdout + done.stderr
    seen = {"folder": seen_months(platform_in(homes["folder"]))}
    for name, value in settings["azure"].items():
        monkeypatch.setenv(name, value)
    seen["azure"] = seen_months(Platform.from_settings(Settings(home=homes["azure"])))
    assert list(seen["folder"]) == [MONTH]
    assert sum(len(rows) for marts in seen["folder"].values() for rows in marts.values()) > 300
    assert seen["folder"] == seen["azure"]
    assert not (homes["azure"] / "landing").exists() and not (homes["azure"] / "published").exists()
    assert not any(canary in said for canary in CANARIES)
    assert secrets_below(homes["azure"], scratch) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"RECON_AZURE_ACCOUNT_KEY": "Q0FOQVJZLXdyb25nLWtleQ=="},
        {"RECON_LANDING_URL": "az://not-there/landing"},
        {"RECON_LANDING_URL": "az://files/landing?sv=2023&sig=CANARY-sas-signature"},
        {"RECON_LANDING_URL": "https://x.blob.core.windows.net/files?sig=CANARY-sas-signature"},
        {"RECON_AZURE_ENDPOINT": "https://x.blob.core.windows.net/?sig=CANARY-sas-signature"},
        {"RECON_AZURE_ENDPOINT": "http://127.0.0.1:9/acct", "RECON_AZURE_ATTEMPTS": "2"},
    ],
)
def test_a_wrong_setting_is_an_error_of_one_line_without_any_secret(
    changes: dict[str, str], azurite: Azurite, tmp_path: Path
) -> None:
    settings = on_azure(azurite) | changes
    for arguments in (["run", "--months", "2025-01"], ["doctor"]):
        done = recon(tmp_path, *arguments, **settings)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert "Traceback" not in said
        assert not any(value in said for value in (*CANARIES, changes.get("RECON_AZURE_ACCOUNT_KEY", "CANARY")))
    assert secrets_below(tmp_path) == []
