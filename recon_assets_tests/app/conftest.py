"""Published months that every test of the app looks at, and a site over them."""

from pathlib import Path

import pytest

from recon_assets.app.pages import Site
from recon_assets.app.server import make_site
from recon_assets.app.settings import AppSettings
from recon_assets_tests.app.published import publish_sample
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import NOW, settings_in


@pytest.fixture(scope="session")
def published(make_once: MakeOnce) -> Path:
    """Folder of published tables, made once; tests only read it."""
    return make_once("app-published", publish_sample)


@pytest.fixture
def site(published: Path, tmp_path: Path) -> Site:
    """The app's parts over the published months, with an empty issue store of its own."""
    return site_in(tmp_path, published)


def site_in(home: Path, published: Path, **changes: object) -> Site:
    settings = settings_in(home, published_url=str(published))
    return make_site(settings, AppSettings(_env_file=None, **changes), lambda: NOW)  # type: ignore[call-arg, arg-type]
