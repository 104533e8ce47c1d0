"""Backup and restore: the landing zone alone gives the same numbers, and a copy of the published tables opens."""

import shutil
from pathlib import Path

import pytest

from recon_assets.catalogue import SOURCES
from recon_assets.months import months_between
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import MONTHS, copy_home, land_corrections, run, seen_months

pytestmark = pytest.mark.slow

# What is of a publication, not of the numbers.
HISTORY = "reconciliation_changes"
CORRECTED = MONTHS[0]


def touched() -> list[str]:
    """Months whose window holds the corrected file."""
    window = SOURCES["ms_recon_nce"].window
    offsets = range(window.from_offset, window.to_offset + 1)
    return [month for month in MONTHS if months_between(month, CORRECTED) in offsets]


def test_the_landing_zone_alone_gives_the_same_numbers_as_years_of_runs(published_home: Path, tmp_path: Path) -> None:
    """Months were published together, and some again since a file was corrected: one run over all gives the same."""
    worked = copy_home(published_home, tmp_path / "worked")
    land_corrections(worked.settings.landing, [CORRECTED])
    before = seen_months(worked)
    assert run(worked, touched())[0] == 0

    restored = platform_in(tmp_path / "restored")
    shutil.copytree(worked.settings.landing, restored.settings.landing, dirs_exist_ok=True)
    code, outcome = run(restored, MONTHS)
    assert (code, outcome.problems) == (0, [])

    expected, seen = seen_months(worked), seen_months(restored)
    assert list(seen) == MONTHS
    assert expected[CORRECTED] != before[CORRECTED]
    for month in MONTHS:
        assert seen[month].keys() - {HISTORY} == expected[month].keys() - {HISTORY}
        for mart in seen[month].keys() - {HISTORY}:
            assert seen[month][mart] == expected[month][mart], (month, mart)
    assert len(worked.published.publications()) > len(restored.published.publications())


def test_a_copy_of_the_published_tables_opens_elsewhere(published_home: Path, tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    shutil.copytree(published_home / "published", platform.settings.published)
    assert seen_months(platform, stamps=True) == seen_months(platform_in(published_home), stamps=True)
