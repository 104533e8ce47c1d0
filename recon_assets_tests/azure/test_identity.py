"""A service principal of Microsoft Entra, over TLS, to storage: for the landing zone and for published tables."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.azure.account import open_account
from recon_assets.azure.cache import FileCache
from recon_assets.azure.settings import AzureSettings
from recon_assets.azure.urls import AzureUrl
from recon_assets.errors import InputError
from recon_assets.lakehouse.azure import AzureTables
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.azure.azurite import ACCOUNT_KEY, Azurite
from recon_assets_tests.azure.faults import FaultProxy
from recon_assets_tests.connectors.conftest import require_no_secret
from recon_assets_tests.connectors.service import CLIENT_SECRET, TENANT, Service
from recon_assets_tests.lakehouse.publishing import day, publish

pytestmark = pytest.mark.azure


def storage_token() -> str:
    """A token in the form of Entra's, whose signature the emulator does not check."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{TENANT}/", "tid": TENANT,
        "nbf": now - 60, "iat": now - 60, "exp": now + 3600, "ver": "1.0",
    }  # fmt: skip
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)] + [b"CANARY-signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@pytest.fixture
def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service()
    folder = tmp_path / "certificates"
    folder.mkdir()
    bundle = service.start(folder)
    service.token = storage_token()
    for name, value in {
        "REQUESTS_CA_BUNDLE": str(bundle),
        "SSL_CERT_FILE": str(bundle),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "AZURE_AUTHORITY_HOST": service.authority,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "an-app",
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    }.items():
        monkeypatch.setenv(name, value)
    yield service
    service.stop()


@pytest.fixture
def emulator(entra: Service, tmp_path: Path) -> Iterator[Azurite]:
    folder = tmp_path / "certificates"
    running = Azurite(tmp_path / "azurite.log", (folder / "certificate.pem", folder / "key.pem"))
    yield running
    running.stop()


def test_a_service_principal_reads_and_writes_and_leaves_no_secret_in_the_log(
    emulator: Azurite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    name = emulator.new_container()
    account = open_account(AzureSettings(endpoint=emulator.url, _env_file=None))  # type: ignore[call-arg]
    container = account.container(name)
    container.upload("landing/a.csv", b"content")
    container.download("landing/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"content"
    assert [blob.name for blob in container.list_blobs("landing/")] == ["landing/a.csv"]
    # delta-rs trusts the system's certificates alone, so it goes through a proxy that ends TLS.
    plain = FaultProxy(emulator.url)
    tables = AzureTables(AzureUrl(name, "published"), account, container, FileCache(tmp_path / "cache", 10**9))
    options = account.delta_options() | {"azure_storage_endpoint": plain.url, "azure_allow_http": "true"}
    object.__setattr__(tables, "options", lambda: options)
    store = PublishedStore(tables.cache.files, tables)
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    assert [p.run_id for p in store.publications()] == ["run-1"]
    assert plain.count("PUT", "publications") > 0
    plain.stop()
    require_no_secret("the log", caplog.text)
    assert ACCOUNT_KEY not in caplog.text


def test_a_refused_service_principal_is_an_error_that_names_its_variables(
    emulator: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = emulator.new_container()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "CANARY-of-another-app")
    account = open_account(AzureSettings(endpoint=emulator.url, _env_file=None))  # type: ignore[call-arg]
    with pytest.raises(InputError, match=r"Entra refused the identity: .*AADSTS7000215.*AZURE_CLIENT_ID") as caught:
        list(account.container(name).list_blobs(""))
    assert "CANARY" not in repr(caught.value)
    with pytest.raises(InputError, match="AZURE_CLIENT_ID"):
        account.delta_options()
