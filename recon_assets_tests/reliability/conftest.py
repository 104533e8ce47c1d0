"""Published homes that several tests copy, made once per session."""

from pathlib import Path

import pytest

from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.reliability.homes import make_published


@pytest.fixture(scope="session")
def published_home(make_once: MakeOnce) -> Path:
    """Four months, published. Tests work on copies."""
    return make_once("published", make_published)
