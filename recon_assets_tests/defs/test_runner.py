"""What `recon run` says of what it did, whatever other runs do at the same time."""

import dataclasses
import datetime as dt

import pytest

from recon_assets.cli.console import show_outcome
from recon_assets.runner import run_months
from recon_assets_tests.defs.conftest import Workshop
from recon_assets_tests.reliability.homes import MONTHS, SUBJECT

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
