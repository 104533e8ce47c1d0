"""Every reader on files that hypothesis damages, a few in `make test`; RECON_FUZZ_EXAMPLES sets how many per reader."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from recon_assets.sample import write_sample
from recon_assets.sources import contracts  # noqa: F401 - its import is none of a load's time and memory
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.fuzzing.loads import check
from recon_assets_tests.fuzzing.mutations import Mutation, mutated, mutations
from recon_assets_tests.fuzzing.seeds import READERS, Seed
from recon_assets_tests.search import SEARCHING, examples

# Read when tests are collected: the tests themselves run without RECON_* of the shell.
EXAMPLES = int(os.environ.get("RECON_FUZZ_EXAMPLES", examples(3, 60)))
MONTHS = ["2024-11", "2024-12", "2025-01", "2025-02", "2025-03", "2025-04"]

pytestmark = [pytest.mark.search, pytest.mark.slow, pytest.mark.timeout(300 + 5 * EXAMPLES)]


@pytest.fixture(scope="session")
def sample(make_once: MakeOnce) -> Path:
    """Six months: every shape of files that the sample has."""
    return make_once("fuzzed", lambda home: write_sample(home / "landing", MONTHS)) / "landing"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_raise_nothing_and_lose_no_record(name: str, sample: Path, home: Path) -> None:
    reader = READERS[name]
    seeds: list[Seed] = list(reader.seeds(sample))
    assert seeds, "no valid file to damage"

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a failing example is short as it is drawn
        suppress_health_check=list(HealthCheck),
        derandomize=EXAMPLES < 50,  # the same every time where it guards, other ones where it searches
        print_blob=True,
    )
    @given(number=st.integers(0, len(seeds) - 1), changes=mutations(), inside=st.booleans(), member=st.integers(0, 20))
    def holds(number: int, changes: list[Mutation], inside: bool, member: int) -> None:
        seed = seeds[number]
        check(home, reader, seed.path, mutated(seed.content, changes, inside, member), seed.beside, seed.month)

    holds()


@pytest.mark.parametrize("name", READERS)
def test_the_files_that_are_damaged_load_as_they_are(name: str, sample: Path, home: Path) -> None:
    seeds = list(READERS[name].seeds(sample))
    for seed in seeds if SEARCHING else seeds[:: max(1, len(seeds) // 2)]:
        check(home, READERS[name], seed.path, seed.content, seed.beside, seed.month)
