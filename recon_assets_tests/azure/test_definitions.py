"""The code location on Azure: dagster-azure's resource is used, holds no secret, and costs nobody else its import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from recon_assets.definitions import build_definitions
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets_tests.azure.azurite import ACCOUNT_KEY, Azurite, azure_environment

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.azure
def test_what_dagster_shows_of_the_storage_account_is_its_address_and_not_its_key(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in azure_environment(azurite.url).items():
        monkeypatch.setenv(name, value)
    url = f"az://{azurite.new_container()}/landing"
    settings = Settings(home=tmp_path, landing_url=url, _env_file=None)  # type: ignore[call-arg]
    definitions = build_definitions(Platform.from_settings(settings))
    account = definitions.resources["platform"].account  # type: ignore[index, union-attr]
    assert type(account).__module__.startswith("dagster_azure")
    assert account.account_url == azurite.url
    shown = str(RepositorySnap.from_def(definitions.get_repository_def())) + repr(definitions.resources)
    assert "RECON_AZURE_ACCOUNT_KEY" in shown
    assert ACCOUNT_KEY not in shown


def test_folders_do_without_importing_anything_of_azure_storage(tmp_path: Path) -> None:
    code = (
        "import json, sys; from recon_assets.platform import Platform; import recon_assets.defs.resources; "
        "Platform.from_settings(); print(json.dumps([n for n in sys.modules if n.startswith(('azure', 'dagster_azure'))]))"
    )
    environment = os.environ | {"RECON_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
