"""What `recon run` says of what it did, whatever other runs do at the same time; and the build that it begins ahead."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from recon_assets.cli.console import show_outcome
from recon_assets.errors import ReconError
from recon_assets.pipeline.build import build_folder
from recon_assets.pipeline.first_build import Begun, begin_first_build
from recon_assets.runner import run_months
from recon_assets_tests.defs.conftest import Workshop
from recon_assets_tests.landed import land_bss
from recon_assets_tests.reliability.homes import MONTHS, SUBJECT, bss_lines

MARCH = MONTHS[2]
LATER = dt.datetime(2025, 7, 1, 6, 1, tzinfo=dt.UTC)


def test_a_month_that_another_run_publishes_meanwhile_was_published_by_this_one_too(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bug this fixes: of two runs of one month seconds apart the first said that 0 of 1 months were published."""
    store = workshop.platform.published

    def other_run_publishes_at_the_end(step: str, done: int, total: int) -> None:
        if step == "done":
            store.record(dataclasses.replace(store.current()[MARCH, SUBJECT], run_id="other", published_at=LATER))

    outcome = run_months(workshop.platform, [SUBJECT], [MARCH], other_run_publishes_at_the_end)
    assert (outcome.published, outcome.problems) == ({(MARCH, SUBJECT)}, [])
    assert show_outcome(workshop.platform, outcome, [SUBJECT], [MARCH]) == 0
    said = capsys.readouterr().out
    assert "1 of 1 months were published." in said
    assert f"{MARCH} {SUBJECT} was published again since, at 2025-07-01 06:01:00 UTC by run other" in said


def test_a_month_that_is_published_once_is_not_said_to_be_published_again(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run_months(workshop.platform, [SUBJECT], [MARCH], lambda step, done, total: None)
    assert (outcome.published, outcome.since) == ({(MARCH, SUBJECT)}, {})
    show_outcome(workshop.platform, outcome, [SUBJECT], [MARCH])
    assert "again since" not in capsys.readouterr().out


@pytest.fixture
def begun_builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Subject, months and run of the builds that dbt would have begun."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr("recon_assets.pipeline.first_build.begin_build", lambda _, *job: asked.append(job[:3]))
    return asked


def test_the_first_build_is_begun_before_its_run_which_has_the_id_it_was_given(
    workshop: Workshop, begun_builds: list[tuple[Any, ...]]
) -> None:
    wanted = [*MONTHS[:2], MARCH, "2031-01"]  # the last is not there
    begun = begin_first_build(workshop.platform, [SUBJECT, "usage"], wanted)
    assert begun is not None
    assert begun_builds == [(SUBJECT, MONTHS[:3], begun.run_id)]
    outcome = run_months(workshop.platform, [SUBJECT], wanted, lambda *_: None, begun)
    assert outcome.run_ids == {begun.run_id}
    assert outcome.published == {(month, SUBJECT) for month in MONTHS[:3]}


def test_nothing_is_begun_while_something_has_to_be_loaded(
    workshop: Workshop, begun_builds: list[tuple[Any, ...]]
) -> None:
    land_bss(workshop.platform.settings.landing, MARCH, bss_lines(MARCH)[:-1])
    assert begin_first_build(workshop.platform, [SUBJECT], [MARCH]) is None
    assert begun_builds == []


def test_a_build_that_cannot_be_begun_is_left_to_the_run_which_tells_why(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ReconError("the decisions cannot be read")

    monkeypatch.setattr("recon_assets.pipeline.first_build.begin_build", fails)
    assert begin_first_build(workshop.platform, [SUBJECT], [MARCH]) is None


def test_a_build_is_given_up_when_a_file_lands_after_it_was_begun(workshop: Workshop) -> None:
    begun = Begun(SUBJECT, [MARCH], "begun")
    folder = build_folder(workshop.platform.settings, begun.run_id)
    folder.mkdir()
    land_bss(workshop.platform.settings.landing, MARCH, bss_lines(MARCH)[:-1])
    outcome = run_months(workshop.platform, [SUBJECT], [MARCH], lambda *_: None, begun)
    assert not folder.exists()
    assert len(outcome.loaded) == 1
    assert begun.run_id not in outcome.run_ids
