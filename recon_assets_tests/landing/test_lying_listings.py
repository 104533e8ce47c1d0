"""Listings that lie about their files: the same rows are loaded, or the lie is a problem of the file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from recon_assets.catalogue import SOURCES, SUBJECTS
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.platform import Platform
from recon_assets.sample import write_sample
from recon_assets_tests.landed import load_all, table_rows

pytestmark = pytest.mark.slow

MONTH = "2025-02"
Wrong = Callable[[LandedFile], LandedFile]
Lie = Callable[[list[LandedFile]], list[LandedFile]]


@dataclass(frozen=True)
class LyingStore:
    """A store whose listing is what `lie` makes of it."""

    store: FileStore
    lie: Lie

    @property
    def name(self) -> str:
        return self.store.name

    def exists(self) -> bool:
        return self.store.exists()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        return iter(self.lie(list(self.store.list_files(prefix))))

    def open_local(self, file: LandedFile) -> AbstractContextManager[Path]:
        return self.store.open_local(file)


COMPARED = {source for subject in SUBJECTS.values() for source in subject.compared}
COMPARED -= {"azure_usage_aggregated"}  # the sample has no file of it


def told_by(lie: Lie, platform: Platform) -> Platform:
    return replace(platform, landing=LyingStore(platform.landing, lie))


def loaded_rows(platform: Platform) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows and rejected rows of every source, which share the load's instant as tests stop the clock."""
    kept = {}
    for source in COMPARED:
        committed = platform.raw.read(source, MONTH)
        assert committed is not None
        for table in committed.tables:
            if table != "files":
                kept[source, table] = table_rows(platform.raw, source, MONTH, table)
    return kept


@pytest.fixture
def honest(platform: Platform) -> Platform:
    """A month of the sample, loaded from a listing that is right."""
    write_sample(platform.settings.landing, [MONTH])
    assert {load.outcome for load in load_all(platform).values()} == {"loaded"}
    return platform


def wrongly(wrong: Wrong, files: list[LandedFile]) -> list[LandedFile]:
    return [wrong(file) for file in files]


HARMLESS: dict[str, Lie] = {
    "in reverse and twice": lambda files: [*files, *files][::-1],
    "in no order and in pages that overlap": lambda files: sorted([*files, *files[15:40]], key=lambda f: f.path[::-1]),
}


def test_files_in_another_order_or_listed_twice_load_the_same_rows(honest: Platform) -> None:
    expected = loaded_rows(honest)
    for lie in HARMLESS.values():
        loads = load_all(told_by(lie, honest))
        assert {load.outcome for load in loads.values()} == {"loaded"}
        assert loaded_rows(honest) == expected


WRONG: dict[str, Wrong] = {
    "larger": lambda file: replace(file, size=file.size + 1),
    "smaller": lambda file: replace(file, size=file.size - 1),
    "empty": lambda file: replace(file, size=0),
    "another version": lambda file: replace(file, etag=file.etag[::-1]),
}


def test_a_file_that_is_not_what_the_listing_says_is_a_problem_and_what_was_loaded_stays(honest: Platform) -> None:
    expected = loaded_rows(honest)
    for wrong in WRONG.values():
        loads = load_all(told_by(partial(wrongly, wrong), honest))
        assert {source for source, _ in loads} == COMPARED
        for (source, month), load in loads.items():
            assert (month, load.outcome) == (MONTH, "failed"), source
            assert any(problem.startswith(SOURCES[source].prefix) for problem in load.problems), load.problems
    assert loaded_rows(honest) == expected


@pytest.mark.search
def test_a_file_listed_as_it_is_and_as_it_never_was_gives_its_rows_once_or_a_problem(honest: Platform) -> None:
    expected = loaded_rows(honest)
    lies: list[Lie] = [
        lambda files: [*files, *wrongly(WRONG["another version"], files)],
        lambda files: [*wrongly(WRONG["larger"], files), *files],
    ]
    for lie in lies:
        for load in load_all(told_by(lie, honest)).values():
            assert load.outcome == "loaded" or load.problems
        assert loaded_rows(honest) == expected
