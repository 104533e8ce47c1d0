"""PostgreSQL, started once for the tests that need it."""

from collections.abc import Iterator

import pytest

from recon_assets_tests.deploy.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()
