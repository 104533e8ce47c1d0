"""The service, the contract proxy in front of it, a connector that talks to both, and the search for secrets."""

import datetime as dt
import io
import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from recon_assets.connectors.graph import REDACTED
from recon_assets.connectors.partner_center import USAGE, Export, PartnerCenter, open_partner_center
from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import ReconError
from recon_assets.settings import Settings
from recon_assets_tests.connectors import proxy
from recon_assets_tests.connectors.service import CANARIES, CLIENT_SECRET, TENANT, Service


class Time:
    """A clock that moves only by being slept on."""

    def __init__(self) -> None:
        self.now = dt.datetime(2025, 4, 7, tzinfo=dt.UTC)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += dt.timedelta(seconds=seconds)

    def clock(self) -> dt.datetime:
        return self.now


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service()
    bundle = service.start(tmp_path_factory.mktemp("service"))
    trusted = {"REQUESTS_CA_BUNDLE": str(bundle), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    before = {name: os.environ.get(name) for name in trusted}
    os.environ.update(trusted)
    service.certificate = (bundle.parent / "app.pem").read_bytes()
    yield service
    service.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def running_prism(running_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[proxy.Prism]:
    if reason := proxy.install():
        pytest.skip(f"contract proxy: {reason}")
    prism = proxy.Prism(running_service.url, tmp_path_factory.mktemp("prism") / "prism.log")
    yield prism
    prism.stop()


@pytest.fixture(scope="session")
def running_drive_prism(running_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[proxy.Prism]:
    if reason := proxy.install():
        pytest.skip(f"contract proxy: {reason}")
    log = tmp_path_factory.mktemp("prism") / "prism.log"
    prism = proxy.Prism(running_service.url, log, proxy.HERE / "sharepoint.openapi.yaml")
    yield prism
    prism.stop()


@pytest.fixture
def service(running_service: Service) -> Service:
    """The service without a proxy, for what is no part of the contract."""
    running_service.reset()
    running_service.public_url = running_service.url
    return running_service


@pytest.fixture
def contract(service: Service, running_prism: proxy.Prism) -> Iterator[Service]:
    """The service behind the contract proxy. A test fails when a request or an answer broke the contract."""
    service.public_url = running_prism.url
    begin = running_prism.position()
    yield service
    assert service.breaks_contract or running_prism.violations(begin) == []


@pytest.fixture
def drive_contract(service: Service, running_drive_prism: proxy.Prism) -> Iterator[Service]:
    """The service behind the proxy with the contract of drives."""
    service.public_url = running_drive_prism.url
    begin = running_drive_prism.position()
    yield service
    assert running_drive_prism.violations(begin) == []


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home" / "landing").mkdir(parents=True)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def graph(service: Service) -> GraphSettings:
    """Settings that lead to the service; to the proxy once the `contract` fixture has set its address."""
    return graph_settings(service)


def graph_settings(service: Service, **changes: object) -> GraphSettings:
    chosen = {
        "tenant_id": TENANT,
        "client_id": "an-app",
        "client_secret": CLIENT_SECRET,
        "base_url": service.public_url,
        "authority": service.authority,
        "partner_center_url": service.url,
        "parallelism": 2,
        "read_timeout_seconds": 20,
        **changes,
    }
    return GraphSettings(_env_file=None, **chosen)  # type: ignore[arg-type, call-arg]


@pytest.fixture
def environment(service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """RECON_* variables that lead to the service, without pauses."""
    variables = {
        "RECON_HOME": str(settings.home),
        "RECON_GRAPH_TENANT_ID": TENANT,
        "RECON_GRAPH_CLIENT_ID": "an-app",
        "RECON_GRAPH_CLIENT_SECRET": CLIENT_SECRET,
        "RECON_GRAPH_BASE_URL": service.url,
        "RECON_GRAPH_AUTHORITY": service.authority,
        "RECON_GRAPH_PARTNER_CENTER_URL": service.url,
        "RECON_GRAPH_FIRST_WAIT_SECONDS": "0",
        "RECON_GRAPH_LONGEST_WAIT_SECONDS": "0",
        "RECON_GRAPH_POLL_SHORTEST_SECONDS": "0",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(settings.home)
    return monkeypatch


@pytest.fixture
def connect(settings: Settings, service: Service, time: Time) -> Iterator["Connect"]:
    with ExitStack() as stack:
        yield Connect(settings, service, time, stack)


class Connect:
    """Opens connectors that are closed with the test: `connect()`, or with other settings `connect(parallelism=1)`."""

    def __init__(self, settings: Settings, service: Service, time: Time, stack: ExitStack) -> None:
        self._settings, self._service, self._time, self._stack = settings, service, time, stack

    def __call__(self, **changes: object) -> PartnerCenter:
        chosen = graph_settings(self._service, **changes)
        return self._stack.enter_context(
            open_partner_center(self._settings, chosen, self._time.sleep, self._time.clock)
        )


@pytest.fixture(autouse=True)
def no_secret_anywhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Every test: no canary in any log at any level, on the console, or in any file it left."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield
    root.removeHandler(handler)
    root.setLevel(level)
    captured = capfd.readouterr()
    require_no_secret("the log", written.getvalue())
    require_no_secret("the console", captured.out + captured.err)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "app.pem":
            require_no_secret(str(path), path.read_bytes().decode("latin-1"))


def require_no_secret(place: str, text: str) -> None:
    found = [canary for canary in CANARIES if canary in text]
    position = text.find(found[0]) if found else 0
    assert not found, f"a secret is in {place}: ...{text[max(0, position - 200) : position + 40]}"


def error_text(error: ReconError) -> str:
    """Text of an error, after its whole traceback with every cause was searched for secrets."""
    require_no_secret("a traceback", "".join(traceback.format_exception(error)))
    require_no_secret("an error", repr(error) + repr(vars(error)))
    return str(error)


def stored_versions(
    settings: Settings, invoice_id: str = "G000000001", month: str = "2025-03", export: Export = USAGE
) -> list[Path]:
    """Folders of the stored versions of an invoice, each with its manifest, in order of their names."""
    folder = settings.landing / export.folder(month, invoice_id)
    manifests = sorted(folder.glob("*/manifest.json"))
    assert all(f'"sasToken": "{REDACTED}"' in path.read_text(encoding="utf-8") for path in manifests)
    return [path.parent for path in manifests]
