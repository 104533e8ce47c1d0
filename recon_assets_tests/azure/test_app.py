"""The reporting app on published tables in Azure: it serves them, and says within seconds that it cannot."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from recon_assets.app.server import create_app
from recon_assets.azure.cache import FileCache
from recon_assets.azure.urls import AzureUrl
from recon_assets.lakehouse.azure import AzureTables
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PLAIN, PUBLISHED_FIRST, publish, subscriptions
from recon_assets_tests.app.test_server import MARCH, ORIGIN, page_text
from recon_assets_tests.azure.azurite import ACCOUNT, Azurite, account_at, azure_environment
from recon_assets_tests.azure.faults import FaultProxy

pytestmark = pytest.mark.azure

MONTH = "2025-03"
WRONG_KEY = "d3Jvbmcga2V5IENBTkFSWS13cm9uZy1hY2NvdW50LWtleQ=="
Start = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def published(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> str:
    """az:// URL of a published month. Tests only read it."""
    account, name = account_at(azurite.url), azurite.new_container()
    cache = FileCache(tmp_path_factory.mktemp("publisher"), 10**9)
    tables = AzureTables(AzureUrl(name, "published"), account, account.container(name), cache)
    publish(PublishedStore(cache.files, tables), "subscriptions", MONTH, PUBLISHED_FIRST, subscriptions(MONTH))
    return str(tables.url)


@pytest.fixture
def start(published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """The app by settings alone, with the default patience; `url` is where storage answers."""

    def started(url: str, **settings: str) -> FlaskClient:
        for name, value in {**azure_environment(url), **settings}.items():
            monkeypatch.setenv(name, value)
        for name in ("FIRST_WAIT_SECONDS", "LONGEST_WAIT_SECONDS"):
            monkeypatch.delenv(f"RECON_AZURE_{name}", raising=False)
        return create_app(site_in(tmp_path / "home", published)).server.test_client()

    return started


def grid_rows(client: FlaskClient) -> list[dict[str, Any]]:
    """The first block that the grid of subscriptions asks for."""
    grid = {"mark": "m", "table": "subscriptions", "type": "grid"}
    name = json.dumps(grid, sort_keys=True, separators=(",", ":"))
    body = {
        "output": '{"mark":["MATCH"],"table":["MATCH"],"type":"grid"}.getRowsResponse',
        "outputs": {"id": grid, "property": "getRowsResponse"},
        "inputs": [{"id": grid, "property": "getRowsRequest", "value": {"startRow": 0, "endRow": 100}}],
        "changedPropIds": [f"{name}.getRowsRequest"],
        "state": [{"id": "url", "property": "search", "value": f"?{MARCH}"}, {"id": "shown", "property": "data", "value": {}}],
    }  # fmt: skip
    answer = client.post("/_dash-update-component", json=body, headers=ORIGIN)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    (response,) = answer.get_json()["response"].values()
    rows: list[dict[str, Any]] = response["getRowsResponse"]["rowData"]
    return rows


def test_a_page_a_grid_and_a_download_come_from_the_container(start: Start, azurite: Azurite) -> None:
    client = start(azurite.url)
    assert client.get("/healthz").status_code == 200
    assert f"{PLAIN + 3} rows" in page_text(client, "/subscriptions", f"?{MARCH}")
    assert len(grid_rows(client)) == 100
    download = client.get(f"/download/subscriptions.csv?{MARCH}").get_data(as_text=True)
    assert len(download.splitlines()) == 1 + PLAIN + 3


@contextmanager
def refusing(azurite: Azurite) -> Iterator[str]:
    gone = FaultProxy(azurite.url)
    gone.stop()
    yield gone.url


@contextmanager
def silent(azurite: Azurite) -> Iterator[str]:
    """Takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{ACCOUNT}"


@contextmanager
def wrong_key(azurite: Azurite) -> Iterator[str]:
    yield azurite.url


@pytest.mark.parametrize(
    ("storage", "settings"),
    [
        (refusing, {}),
        (silent, {"RECON_AZURE_READ_TIMEOUT_SECONDS": "1"}),
        (wrong_key, {"RECON_AZURE_ACCOUNT_KEY": WRONG_KEY}),
    ],
)
def test_storage_that_does_not_answer_is_said_within_seconds(
    storage: Callable[[Azurite], Any], settings: dict[str, str], start: Start, azurite: Azurite
) -> None:
    with storage(azurite) as url:
        client = start(url, **settings)
        begin = time.monotonic()
        health = client.get("/healthz")
        assert time.monotonic() - begin < 60  # with the default patience it is minutes
        text = page_text(client, "/subscriptions", f"?{MARCH}")
    assert health.status_code == 503
    assert health.get_data(as_text=True) == "The published tables cannot be read."
    assert "The published tables cannot be read: Azure Storage" in text and "message error" in text
    assert "rows" not in text and WRONG_KEY not in text + health.get_data(as_text=True)


def test_tables_that_were_shown_before_are_not_shown_as_if_storage_still_answered(
    start: Start, azurite: Azurite
) -> None:
    between = FaultProxy(azurite.url)
    client = start(between.url)
    assert grid_rows(client)
    between.stop()
    assert client.get("/healthz").status_code == 503
    assert "message error" in page_text(client, "/subscriptions", f"?{MARCH}")
    assert client.get(f"/download/subscriptions.csv?{MARCH}").status_code == 503
