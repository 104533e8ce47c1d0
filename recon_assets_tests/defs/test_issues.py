"""The asset of the issues: what it copies, when it is requested, and that `recon run` copies too."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from recon_assets.cli import main
from recon_assets.definitions import build_definitions
from recon_assets.defs.issues import REPORTED_ISSUES
from recon_assets.home import open_instance
from recon_assets.issues.store import Discrepancy, open_issues
from recon_assets.platform import Platform
from recon_assets.runner import run_months
from recon_assets_tests.app.published import key, publish, subscriptions
from recon_assets_tests.landed import NOW, platform_in
from recon_assets_tests.reliability.homes import at_home

MONTH = "2025-03"
ABOUT = Discrepancy("subscriptions", "subscription_reconciliation", key("subscription", MONTH, "sub-9001"), MONTH,
                    "sub-9001", "discrepancy", Decimal("10.25"), "MYR")  # fmt: skip


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(platform_in(tmp_path_factory.mktemp("home")))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Platform]:
    """March of the subscriptions is published; the home has no issue store yet."""
    platform = platform_in(tmp_path / "home")
    publish(platform.published, "subscriptions", MONTH, NOW, subscriptions(MONTH))
    with at_home(platform):
        yield platform


def queried() -> list[dict[str, Any]]:
    sql = "select status, difference_then, difference_now from marts.reported_issues"
    done = CliRunner().invoke(main, ["query", sql, "--format", "json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


REPORTED = [{"status": "open", "difference_then": "10.250000000000", "difference_now": "12.500000000000"}]


def test_the_asset_copies_the_issues_to_where_queries_find_them(home: Platform, definitions: dg.Definitions) -> None:
    open_issues(home.settings).report(ABOUT, "Too much", "", "", "ben")
    with open_instance(home.settings) as instance:
        assert definitions.resolve_job_def("issues").execute_in_process(instance=instance).success
        event = instance.get_latest_materialization_event(REPORTED_ISSUES)
    assert event is not None
    assert event.asset_materialization is not None
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert {"dagster/row_count": 1, "open_issues": 1, "issues_whose_row_has_gone": 0}.items() <= metadata.items()
    assert metadata["page"] == f"{home.settings.app_url}/issues"
    assert queried() == REPORTED


def test_recon_run_copies_the_issues_after_the_publications(home: Platform) -> None:
    open_issues(home.settings).report(ABOUT, "Too much", "", "", "ben")
    steps: list[tuple[str, int, int]] = []
    outcome = run_months(home, [], [MONTH], lambda *step: steps.append(step))
    assert outcome.problems == []
    assert steps == [("copying issues", 0, 1), ("done", 1, 1)]
    assert queried() == REPORTED


def test_recon_run_makes_no_issue_store_where_there_is_none(home: Platform) -> None:
    steps: list[tuple[str, int, int]] = []
    run_months(home, [], [MONTH], lambda *step: steps.append(step))
    assert steps == [("done", 0, 0)]
    assert not (home.settings.home / "issues.db").exists()
    assert queried() == []


def test_an_issue_store_that_cannot_be_reached_fails_the_copy_and_says_no_password(
    home: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_ISSUES_URL", "postgresql+psycopg://ana:secret@127.0.0.1:1/issues")
    platform = Platform.from_settings(home.settings.model_copy(update={"issues_url": "named", "first_month": MONTH}))
    (problem,) = run_months(platform, [], [MONTH], lambda *_: None).problems
    assert "The issue store cannot be used" in problem
    assert "secret" not in problem
    assert queried() == []


def test_issues_are_copied_after_a_publication_and_every_hour(definitions: dg.Definitions) -> None:
    now = dt.datetime(2025, 5, 20, 9, 10, tzinfo=dt.UTC)
    watched = dg.AssetSelection.assets(REPORTED_ISSUES)
    requested, cursor = [], None
    published = dg.AssetMaterialization(dg.AssetKey(["published", "usage"]), partition="2025-03")
    with dg.DagsterInstance.ephemeral() as instance:
        for minutes in (0, 1, 2, 3, 48, 49, 60, 108):
            if minutes == 2:
                instance.report_runless_asset_event(published)
            at = now + dt.timedelta(minutes=minutes)
            result = dg.evaluate_automation_conditions(
                definitions, instance, asset_selection=watched, evaluation_time=at, cursor=cursor
            )
            cursor = result.cursor
            if result.total_requested:
                requested.append(f"{at:%H:%M}")
                instance.report_runless_asset_event(dg.AssetMaterialization(REPORTED_ISSUES))
    assert requested == ["09:12", "10:10"]
