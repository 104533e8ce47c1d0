"""Fixtures that several folders of tests share: a platform in a temporary home, and work done once per session."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from recon_assets.platform import Platform
from recon_assets_tests.landed import platform_in

# Set by .ci/run: there, what a machine does not allow is a failure, not a skip.
NO_SKIPS = os.environ.get("RECON_TESTS_NO_SKIPS") == "1"

MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr[2]}"


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Tests run with the defaults, whatever RECON_* the shell has set."""
    outside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RECON_")}
    yield
    os.environ.update(outside)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
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
            if not done.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                done.touch()
        return folder

    return once
