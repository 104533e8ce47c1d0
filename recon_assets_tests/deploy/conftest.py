"""PostgreSQL and the services on it, started once for the tests that need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.deploy.cluster import Cluster
from recon_assets_tests.reliability.homes import make_published


@pytest.fixture(scope="session")
def published_home(make_once: MakeOnce) -> Path:
    """Four months, published by one run; only to be read."""
    return make_once("published", make_published)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()
