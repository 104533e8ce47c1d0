"""A disk that is full while a run loads, builds or publishes: published months stay whole, the next run completes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets.platform import Platform
from recon_assets_tests.reliability.homes import (
    MONTHS,
    RERUN,
    assert_unmixed,
    copy_home,
    land_corrections,
    run,
    run_statuses,
    seen_months,
)
from recon_assets_tests.reliability.small_disks import missing, small_disk
from recon_assets_tests.search import examples, guarded_by

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # four runs a place
    pytest.mark.skipif(bool(missing()), reason=missing() or "none"),
]

# Folder of the home that is full -> room that is left in it, from none to nearly enough.
PLACES: dict[str, tuple[Callable[[Platform], Path], tuple[int, ...]]] = {
    "raw load": (lambda platform: platform.settings.raw, (0,)),
    "dbt": (lambda platform: platform.settings.build, (200_000, 3_000_000)),
    "publishing": (lambda platform: platform.settings.published, (0, 60_000)),
}


@pytest.mark.parametrize("place", guarded_by(["publishing"], of=PLACES))
def test_a_full_disk_loses_no_month_and_the_next_run_completes(
    place: str, published_home: Path, tmp_path: Path
) -> None:
    platform = copy_home(published_home, tmp_path / "home")
    folder, rooms = PLACES[place]
    earlier = seen_months(platform)
    land_corrections(platform.settings.landing, RERUN)
    with small_disk(folder(platform)) as disk:
        for room in rooms[-examples(1, len(rooms)) :]:
            disk.leave(room)
            code, outcome = run(platform, RERUN)
            assert code != 0, f"{room} bytes are room enough for {place}"
            assert any("space" in problem.lower() for problem in outcome.problems), outcome.problems
            seen = seen_months(platform)
            assert_unmixed(seen_months(platform, stamps=True))
            assert {month: seen[month] for month in MONTHS[2:]} == {month: earlier[month] for month in MONTHS[2:]}
            assert list(seen) == MONTHS
            hidden = [path.name for path in folder(platform).rglob(".*") if path.is_file()]
            leftovers = [name for name in hidden if name != ".publishing"]  # a lock, which stays
            assert not leftovers, "half written files stay behind"
        disk.leave(500_000_000)
        code, outcome = run(platform, RERUN)
        assert (code, outcome.problems) == (0, [])
        assert sorted(month for month, _ in outcome.published) == RERUN
        after = seen_months(platform)
        assert all(after[month] != earlier[month] for month in RERUN)
        assert_unmixed(seen_months(platform, stamps=True))
        assert "STARTED" not in run_statuses(platform)
