"""From files to marts by settings alone: Azure gives what a folder gives, and no secret is left anywhere."""

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recon_assets.azure.account import StorageAccount
from recon_assets.catalogue import SUBJECTS
from recon_assets.cli import main
from recon_assets.clock import Clock
from recon_assets.landing.store import FileStore
from recon_assets.platform import Platform
from recon_assets.settings import Settings, load_settings
from recon_assets_tests.azure.azurite import ACCOUNT_KEY, Azurite, azure_environment
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import NOW, platform_in
from recon_assets_tests.reliability.homes import SAMPLE_MONTH, make_sample_published, seen_months

pytestmark = [pytest.mark.azure, pytest.mark.slow]

CLIENT_SECRET = "CANARY-client-secret-of-an-identity"
CANARIES = (ACCOUNT_KEY, CLIENT_SECRET, "CANARY")


@pytest.fixture
def folder(make_once: MakeOnce) -> Platform:
    """The sample of a month through folders. Made before the environment leads to Azure."""
    return platform_in(make_once("sample-published", make_sample_published))


@pytest.fixture
def settings(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a home whose landing zone and published tables are in a container, by the environment alone."""
    name = azurite.new_container()
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    environment = {
        "RECON_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "RECON_LANDING_URL": f"az://{name}/landing",
        "RECON_PUBLISHED_URL": f"az://{name}/lake/published",
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "TMPDIR": str(scratch),
        **azure_environment(azurite.url),
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    return load_settings()


def recon(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=environment)


def contents(store: FileStore) -> dict[str, bytes]:
    found = {}
    for file in store.list_files(""):
        with store.open_local(file) as path:
            found[file.path] = path.read_bytes()
    return found


def secrets_below(*folders: Path) -> list[str]:
    """Files that hold a canary."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(canary.encode() in path.read_bytes() for canary in CANARIES)
    ]


@pytest.fixture
def same_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run at the instant of `platform_in`: which e-invoices are overdue depends on it."""
    made = Platform.from_settings

    def at_the_instant(
        settings: Settings | None = None, clock: Clock = lambda: NOW, account: StorageAccount | None = None
    ) -> Platform:
        return made(settings, clock, account)

    monkeypatch.setattr(Platform, "from_settings", at_the_instant)


@pytest.mark.usefixtures("same_instant")
def test_the_same_landing_files_through_a_folder_and_through_azure_give_equal_marts(
    folder: Platform, settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = ""
    for arguments in (["sample", "--months", SAMPLE_MONTH], ["run", "--months", SAMPLE_MONTH], ["status"], ["doctor"]):
        done = recon(*arguments)
        assert done.exit_code == 0, done.output
        said += done.output
    azure = Platform.from_settings(settings)
    assert contents(azure.landing) == contents(folder.landing)
    assert {subject for _, subject in azure.published.current()} == set(SUBJECTS)

    expected, seen = seen_months(folder), seen_months(azure)
    assert list(expected) == list(seen) == [SAMPLE_MONTH]
    assert expected[SAMPLE_MONTH].keys() == seen[SAMPLE_MONTH].keys()
    for mart, rows in expected[SAMPLE_MONTH].items():
        assert seen[SAMPLE_MONTH][mart] == rows, mart
    grids = ("subscription_reconciliation", "usage_cost_variations", "einvoice_reconciliation")
    assert all(len(expected[SAMPLE_MONTH][grid]) > 20 for grid in grids)

    assert not (settings.home / "landing").exists() and not (settings.home / "published").exists()
    captured = capfd.readouterr()
    assert not any(canary in said + captured.out + captured.err for canary in CANARIES)
    assert secrets_below(tmp_path) == []


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
    changes: dict[str, str], settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = ""
    for arguments in (["run", "--months", SAMPLE_MONTH], ["doctor"]):
        done = recon(*arguments, **changes)
        assert isinstance(done.exception, SystemExit) and done.exit_code != 0
        said += done.output
    captured = capfd.readouterr()
    said += captured.out + captured.err
    assert "Traceback" not in said
    assert not any(value in said for value in (*CANARIES, changes.get("RECON_AZURE_ACCOUNT_KEY", "CANARY")))
    assert secrets_below(tmp_path) == []
