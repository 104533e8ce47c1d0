"""Fixtures that several folders of tests share: a platform in a temporary home, and work done once per session."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from filelock import FileLock

from recon_assets.platform import Platform
from recon_assets_tests.azure.azurite import Azurite, account_at, missing
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.landed import platform_in
from recon_assets_tests.postgres import Cluster
from recon_assets_tests.search import SEARCHING

# Set by .ci/run: there, what a machine does not allow is a failure, not a skip.
NO_SKIPS = os.environ.get("RECON_TESTS_NO_SKIPS") == "1"

# Test modules about the storage of landed files or published tables: on folders and on Azurite.
STORED = {
    "lakehouse.test_vacuum",
    "lakehouse.test_published_store",
    "landing.test_store",
    "sources.test_loading",
    "usage.test_loading",
}
# Modules that use the storage for something else: on Azurite too in `make search` alone.
STORED_IN_SEARCH = {
    "dbt.test_publish",
    "defs.test_models_and_publication",
    "defs.test_raw_assets",
    "defs.test_sensors_and_schedules",
    "einvoices.test_readers",
    "issues.test_reported",
    "landing.test_lying_listings",
    "reliability.test_many_files",
    "sources.test_delimited",
    "sources.test_pages",
    "sources.test_quarantine",
}

MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    # Spark has an environment of its own (make test-spark); in the default one its tests have nothing to run on.
    may_skip = item.get_closest_marker("spark") is not None and find_spec("pyspark") is None
    if NO_SKIPS and report.skipped and not may_skip and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr[2]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make search` runs, and put modules that take long first, so that no worker ends with one."""
    taken = [item for item in items if SEARCHING or item.get_closest_marker("search") is None]
    config.hook.pytest_deselected(items=list(set(items) - set(taken)))
    long = {item.path for item in taken if item.get_closest_marker("slow")}
    items[:] = sorted(taken, key=lambda item: item.path not in long)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Tests run with the defaults, whatever RECON_* the shell has set."""
    outside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RECON_")}
    yield
    os.environ.update(outside)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """The emulator of Blob storage, started by the first test that needs it."""
    if reason := missing():
        pytest.skip(f"Azurite: {reason}")
    running = Azurite(tmp_path_factory.mktemp("azurite") / "azurite.log")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """PostgreSQL, started by the first test that needs it."""
    running = Cluster()
    yield running
    running.remove()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of stored files run twice, on folders and on Azurite, unless they are marked `folder_only`."""
    module = metafunc.module.__name__.removeprefix("recon_assets_tests.")
    if module in STORED | STORED_IN_SEARCH:
        storages = ["folder"]
        if metafunc.definition.get_closest_marker("folder_only") is None:
            marks = [pytest.mark.azure, *([] if module in STORED else [pytest.mark.search])]
            storages.append(pytest.param("azure", marks=marks))  # type: ignore[arg-type]
        metafunc.fixturenames.append("storage")
        metafunc.parametrize("storage", storages, indirect=True)


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureStorage | None]:
    """Where landing zone and published tables of the test are: None for folders."""
    if getattr(request, "param", "folder") == "folder":
        yield None
        return
    running: Azurite = request.getfixturevalue("azurite")
    azure = AzureStorage(account_at(running.url), running.new_container(), tmp_path_factory.mktemp("caches"))
    azure.use_for_platforms(request.getfixturevalue("monkeypatch"))
    yield azure
    assert azure.asked, "this test asks nothing of the storage: mark it folder_only"


@pytest.fixture
def platform(tmp_path: Path, storage: AzureStorage | None) -> Platform:
    return platform_in(tmp_path)


@pytest.fixture
def landing(platform: Platform) -> Path:
    return platform.settings.landing


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """`make_once(name, make)`: a folder filled by `make`, once per session for all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = base / name, base / f"{name}.done"
        with FileLock(base / f"{name}.lock"):
            maker = f"{make.__module__}.{make.__qualname__}"
            if not done.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                done.write_text(maker, encoding="utf-8")
            assert done.read_text(encoding="utf-8") == maker, f"{name} is made by two fixtures"
        return folder

    return once
