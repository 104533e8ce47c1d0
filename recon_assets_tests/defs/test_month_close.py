"""A closed month stays as it was published, until it is reopened with a reason; both are in the audit log."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from recon_assets.cli import main
from recon_assets.errors import InputError
from recon_assets.pipeline.closing import close_month, reopen_month
from recon_assets.runner import run_months
from recon_assets.status import overview
from recon_assets_tests.defs.conftest import Workshop, workshop_in
from recon_assets_tests.landed import NOW
from recon_assets_tests.reliability.homes import SUBJECT, seen_months

PUBLISHED = dg.AssetKey(["published", SUBJECT])
FINAL = "2025-02"  # BSS of January to May and Microsoft of January to March have landed
OTHER = "2025-03"
RANGE = [FINAL, OTHER]
CORRECTION = "update intermediate.int_subscriptions__shown set cost_difference = cost_difference + 1"


def close(workshop: Workshop, by: str = "anna") -> None:
    close_month(workshop.platform.published, FINAL, [], by, workshop.platform.clock)


def recon(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def published(worked_home: Path, built_definitions: dg.Definitions, tmp_path: Path) -> Iterator[Workshop]:
    """Four months published."""
    with workshop_in(tmp_path / "home", worked_home, built_definitions) as made:
        yield made


@pytest.fixture
def closed(published: Workshop) -> Workshop:
    """The final month closed, and a build at hand that changes every row."""
    close(published)
    published.statements.append(CORRECTION)
    return published


def test_a_closed_month_stays_as_it_was_and_the_run_publishes_the_others_and_says_so(closed: Workshop) -> None:
    before = seen_months(closed.platform, stamps=True)
    result = closed.run(*RANGE)
    after = seen_months(closed.platform, stamps=True)
    assert result.success
    assert after[FINAL] == before[FINAL]
    assert {month for month in RANGE if after[month] != before[month]} == {OTHER}
    published = {e.partition for e in result.get_asset_materialization_events() if e.asset_key == PUBLISHED}
    assert published == {OTHER}
    observed = [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    (said,) = (one for one in observed if one.asset_key == PUBLISHED)
    assert said.partition == FINAL
    assert "2025-02 subscriptions was closed by anna" in (said.description or "")
    rows = len(seen_months(closed.platform)[FINAL]["subscription_reconciliation"])
    # A difference of one side missing is null, and null plus one too.
    assert 0 < said.metadata["changes_not_published"].value <= rows


def test_a_run_of_a_closed_month_alone_succeeds_and_publishes_nothing(closed: Workshop) -> None:
    publications = closed.platform.published.publications()
    assert closed.run(FINAL).success
    assert closed.platform.published.publications() == publications


def test_a_reopened_month_is_published_by_the_next_run(closed: Workshop) -> None:
    before = seen_months(closed.platform)[FINAL]
    reopen_month(closed.platform.published, FINAL, [], "ben", "late invoice 4711", closed.platform.clock)
    assert closed.run(FINAL).success
    assert seen_months(closed.platform)[FINAL] != before


def test_the_audit_log_says_who_when_which_publication_and_why(closed: Workshop) -> None:
    store = closed.platform.published
    publication = store.current()[FINAL, SUBJECT]
    reopen_month(store, FINAL, [], "ben", " late invoice 4711 ", closed.platform.clock)
    first, second = store.closings()
    assert (first.action, first.recorded_by, first.reason) == ("close", "anna", "")
    assert (second.action, second.recorded_by, second.reason) == ("reopen", "ben", "late invoice 4711")
    assert {(c.run_id, c.published_at) for c in (first, second)} == {(publication.run_id, publication.published_at)}
    # The clock stands still in tests: rows are in order nevertheless.
    assert publication.published_at < first.recorded_at < second.recorded_at
    assert first.recorded_at - max(NOW, publication.published_at) < dt.timedelta(seconds=1)


def test_a_publication_that_was_under_way_while_the_month_was_closed_is_not_seen(
    published: Workshop,
) -> None:
    """The race this guards against: a run looks, the month is closed, the run publishes."""
    before = seen_months(published.platform, stamps=True)[FINAL]
    closing = close_month(published.platform.published, FINAL, [], "anna", published.platform.clock)[0]
    reopen_month(published.platform.published, FINAL, [], "anna", "to play the race", published.platform.clock)
    published.statements.append(CORRECTION)
    assert published.run(FINAL).success
    late = seen_months(published.platform, stamps=True)[FINAL]
    assert late != before
    latest = published.platform.published.closings()[-1].recorded_at + dt.timedelta(microseconds=1)
    published.platform.published.record_closing(
        type(closing)(FINAL, SUBJECT, "close", latest, "anna", "", closing.run_id, closing.published_at)
    )
    assert seen_months(published.platform, stamps=True)[FINAL] == before


def test_only_a_published_and_final_month_can_be_closed_and_only_once(published: Workshop) -> None:
    store, clock = published.platform.published, published.platform.clock
    with pytest.raises(InputError, match="2024-12 is not published"):
        close_month(store, "2024-12", [], "anna", clock)
    with pytest.raises(InputError, match=r"2025-03 of subscriptions \(provisional\) is not final"):
        close_month(store, "2025-03", [], "anna", clock)
    with pytest.raises(InputError, match="2025-02 of usage is not published"):
        close_month(store, FINAL, ["usage"], "anna", clock)
    close(published)
    with pytest.raises(InputError, match="is closed already"):
        close(published, "ben")
    assert [c.recorded_by for c in store.closings()] == ["anna"]


def test_reopening_needs_a_closed_month_and_a_reason(closed: Workshop) -> None:
    store, clock = closed.platform.published, closed.platform.clock
    with pytest.raises(InputError, match="needs a reason"):
        reopen_month(store, FINAL, [], "ben", "  ", clock)
    with pytest.raises(InputError, match="2025-03 is not closed"):
        reopen_month(store, "2025-03", [], "ben", "late", clock)
    with pytest.raises(InputError, match="2025-02 of usage is not closed"):
        reopen_month(store, FINAL, ["usage"], "ben", "late", clock)
    assert list(store.closed()) == [(FINAL, SUBJECT)]


def test_a_month_as_of_a_time_before_it_was_reopened_is_the_closed_one(closed: Workshop) -> None:
    store = closed.platform.published
    before = store.current()[FINAL, SUBJECT]
    (reopened,) = reopen_month(store, FINAL, [], "ben", "late", closed.platform.clock)
    assert closed.run(FINAL).success
    assert store.current()[FINAL, SUBJECT] != before
    earlier = reopened.recorded_at - dt.timedelta(microseconds=1)
    assert store.current(earlier)[FINAL, SUBJECT] == before
    assert list(store.closed(earlier)) == [(FINAL, SUBJECT)]


def test_the_console_script_closes_shows_and_reopens(closed: Workshop) -> None:
    reopened = recon("reopen", "--month", FINAL, "--reason", "late invoice", "--by", "ben")
    assert (reopened.exit_code, reopened.output) == (
        0,
        "2025-02 subscriptions is open again; `recon run` publishes it.\n",
    )
    again = recon("close", "--month", FINAL, "--by", "carl")
    assert again.exit_code == 0
    assert again.output.startswith("2025-02 subscriptions was closed by carl at ")
    assert recon("close", "--month", "2025-03").exit_code == 2
    states = {row["month"]: row["closed_by"] for row in json.loads(recon("status", "--json").output)}
    assert {month for month, by in states.items() if by} == {FINAL}
    assert states[FINAL] == "carl"
    assert "final, closed by carl" in recon("status").output
    sql = "select action, recorded_by, reason from marts.month_closings order by recorded_at"
    listed = recon("query", sql, "--format", "csv").output.splitlines()
    assert listed == ["action,recorded_by,reason", "close,anna,", "reopen,ben,late invoice", "close,carl,"]
    # The UI shows them on the month, newest first.
    wanted = dg.AssetRecordsFilter(asset_key=PUBLISHED, asset_partitions=[FINAL])
    shown = [record.asset_observation for record in closed.instance.fetch_observations(wanted, limit=5).records]
    assert [(said.description or "").rpartition(" at ")[0] for said in shown if said] == [
        "2025-02 subscriptions was closed by carl",
        "2025-02 subscriptions was reopened by ben",
    ]
    assert [said.metadata["reason"].value for said in shown if said and "reason" in said.metadata] == ["late invoice"]


def test_recon_run_of_a_closed_month_says_so_and_that_it_was_not_published(closed: Workshop) -> None:
    outcome = run_months(closed.platform, [SUBJECT], [FINAL, "2025-03"], lambda step, done, total: None)
    assert list(outcome.published) == [("2025-03", SUBJECT)]
    (problem,) = outcome.problems
    assert problem.startswith("2025-02 subscriptions was closed by anna at ")
    assert "recon reopen" in problem
    (status,) = (s for s in overview(closed.platform).months if s.month == FINAL)
    assert status.closed_by == "anna"
