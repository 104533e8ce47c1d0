"""Months by as many processes on one home, while a reader loops: all are published, and no month is ever mixed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recon_assets_tests.reliability.homes import (
    MONTHS,
    assert_unmixed,
    copy_home,
    land_corrections,
    run_statuses,
    seen_months,
)
from recon_assets_tests.search import examples

pytestmark = [pytest.mark.search, pytest.mark.slow]

AT_ONCE = MONTHS[: examples(2, 4)]


def test_runs_at_the_same_time_all_publish_and_readers_see_whole_months(published_home: Path, tmp_path: Path) -> None:
    platform = copy_home(published_home, tmp_path / "home")
    before = run_statuses(platform)["SUCCESS"]
    earlier = {p.run_id for p in platform.published.publications()}
    land_corrections(platform.settings.landing)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", "from recon_assets.cli import main; main()", "run", "--months", month],
            env=os.environ | {"RECON_HOME": str(platform.settings.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for month in AT_ONCE
    ]
    reads = 0
    while any(process.poll() is None for process in runs):
        seen = seen_months(platform, stamps=True)
        assert list(seen) == MONTHS
        assert_unmixed(seen)
        reads += 1
    outputs = [process.communicate()[0].decode() for process in runs]
    assert [process.returncode for process in runs] == [0] * len(runs), "\n".join(outputs)
    assert not [text for text in outputs if "problem" in text or " lock" in text.lower()]
    assert reads > 1

    current = platform.published.current()
    assert len({p.run_id for p in current.values()} - earlier) == len(AT_ONCE)
    assert set(run_statuses(platform)) == {"SUCCESS"}
    assert run_statuses(platform)["SUCCESS"] >= before + len(AT_ONCE)
