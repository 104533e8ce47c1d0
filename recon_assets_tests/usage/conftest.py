from pathlib import Path

import pytest

from recon_assets_tests.usage.zone import Zone


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    (tmp_path / "landing").mkdir()
    return Zone(tmp_path)
