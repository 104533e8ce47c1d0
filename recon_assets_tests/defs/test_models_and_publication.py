"""Runs over a range of months: what each month records of itself, and which months reach the readers."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.defs.automation import RANGE_END, RANGE_START
from recon_assets.home import open_instance
from recon_assets.lakehouse.raw import FailedLoad
from recon_assets.pipeline.build import build_folder
from recon_assets.pipeline.marts import marts_of, published_marts
from recon_assets.platform import Platform
from recon_assets_tests.defs.conftest import INCOMPLETE, Workshop, check_months, materialized, metadata_of
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import MONTHS, SUBJECT, at_home, seen_months

PUBLISHED = dg.AssetKey(["published", SUBJECT])
GRID = dg.AssetKey(["marts", "subscription_reconciliation"])
STATUS = dg.AssetKey(["marts", SUBJECT, "month_status"])
GRAIN = "subscription_reconciliation_grain_is_unique"
FIRST, SECOND, THIRD, FOURTH = MONTHS

Recorded = tuple[Platform, dg.DagsterInstance, dg.Definitions]


@pytest.fixture(scope="module")
def recorded(published_home: Path) -> Iterator[Recorded]:
    """What a run over four months left on the instance; only to be read."""
    platform = platform_in(published_home)
    with at_home(platform), open_instance(platform.settings) as instance:
        yield platform, instance, build_definitions(platform)


def reasons(result: dg.ExecuteInProcessResult) -> str:
    (failure,) = (e for e in result.all_events if e.is_step_failure and e.node_name.startswith("publish"))
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    return data.description or ""


def subject_assets(definitions: dg.Definitions) -> list[dg.AssetKey]:
    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).tags.get("subject") == SUBJECT]
    return sorted(key for key in keys if key.path[0] in ("staging", "marts", "published"))


def test_every_model_and_the_publication_are_materialized_for_each_month_of_the_range(recorded: Recorded) -> None:
    _, instance, definitions = recorded
    assert {key.to_user_string(): materialized(instance, key) for key in subject_assets(definitions)} == {
        key.to_user_string(): MONTHS for key in subject_assets(definitions)
    }


def test_every_test_of_the_marts_is_a_check_of_each_month_that_passed(recorded: Recorded) -> None:
    _, instance, definitions = recorded
    passed = check_months(instance, definitions, "SUCCEEDED")
    graph = definitions.resolve_asset_graph()
    checks = [key for asset in subject_assets(definitions) for key in graph.get(asset).check_keys]
    assert {name: months for name, months in passed.items() if not name.startswith("raw/")} == {
        key.to_user_string(): MONTHS for key in checks
    }
    assert check_months(instance, definitions, "FAILED") == {}


def test_a_mart_shows_its_rows_statuses_and_page_by_month(recorded: Recorded) -> None:
    platform, instance, _ = recorded
    seen = seen_months(platform)
    for month in MONTHS:
        metadata = metadata_of(instance, GRID, month)
        rows = seen[month]["subscription_reconciliation"]
        assert metadata["dagster/row_count"] == len(rows) == 4
        assert metadata["rows_match"] == 1
        assert metadata["rows_missing_in_ms"] == 1
        assert metadata["page"] == f"{platform.settings.app_url}/{SUBJECT}?month={month}"
        assert metadata["preview"].count(f"| {month}-01 |") == 4
        assert "| discrepancy | MYR | 1 | 5.000 |" in metadata["summary"]


def test_shared_marts_and_staging_models_count_their_rows_by_month(recorded: Recorded) -> None:
    _, instance, _ = recorded
    for month in MONTHS:
        assert metadata_of(instance, STATUS, month)["dagster/row_count"] == 1
        assert "seconds" in metadata_of(instance, dg.AssetKey(["staging", "stg_bss__invoice_lines"]), month)


def test_a_publication_shows_what_readers_got(recorded: Recorded) -> None:
    platform, instance, _ = recorded
    current = platform.published.current()
    for month in MONTHS:
        metadata = metadata_of(instance, PUBLISHED, month)
        publication = current[month, SUBJECT]
        # What lies before the first landed month is absent for good, and April has landed.
        assert metadata["window_status"] == ("final" if month == MONTHS[0] else "provisional")
        assert metadata["published_at"] == pytest.approx(publication.published_at.timestamp())
        assert metadata["versions"] == {name: mart.version for name, mart in publication.marts.items()}
        assert set(metadata["versions"]) == {*(mart.name for mart in marts_of(SUBJECT)), "reconciliation_changes"}


def test_a_publication_has_numbers_that_the_ui_plots_over_months(recorded: Recorded) -> None:
    platform, instance, _ = recorded
    for month in MONTHS:
        told = metadata_of(instance, PUBLISHED, month)
        with platform.published.connect([published_marts()["subscription_reconciliation"]]) as connection:
            (sums,) = connection.execute(
                "select sum(bss_total_cost), sum(ms_total_cost), sum(ms_total_cost) filter (where is_open), "
                "sum(bss_total_cost) filter (where is_open), count(*) filter (where is_open), count(*) "
                "from marts.subscription_reconciliation where billing_month = ? and currency = 'MYR'", [f"{month}-01"]
            ).fetchall()  # fmt: skip
        left, right, open_right, open_left, open_rows, rows = (float(value or 0) for value in sums)
        assert (told["dagster/row_count"], told["match_rate_percent"]) == (rows, 25.0) == (4, 25.0)
        assert (told["open_rows"], told["decided_rows"]) == (open_rows, 0)
        named = {"left_MYR": left, "right_MYR": right, "difference_MYR": right - left}
        named["open_difference_MYR"] = open_right - open_left
        assert {name: told[name] for name in named} == pytest.approx(named) and left > 0


def test_a_publication_that_is_asked_for_alone_brings_its_marts_and_checks(workshop: Workshop) -> None:
    job = workshop.definitions.resolve_implicit_global_asset_job_def()
    workshop.failing.append((GRAIN, SECOND, True))
    tags = {RANGE_START: FIRST, RANGE_END: SECOND}
    result = job.execute_in_process(
        instance=workshop.instance, asset_selection=[PUBLISHED], tags=tags, raise_on_error=False
    )
    assert not result.success and f"{SECOND}: test {GRAIN} failed on 3 rows" in reasons(result)
    assert materialized(workshop.instance, PUBLISHED) == list(seen_months(workshop.platform)) == [FIRST]
    assert materialized(workshop.instance, GRID) == [FIRST, SECOND]
    failed = check_months(workshop.instance, workshop.definitions, "FAILED")
    assert failed == {f"{GRID.to_user_string()}:{GRAIN}": [SECOND]}
    assert metadata_of(workshop.instance, GRID, FIRST)["dagster/row_count"] == 4


def test_one_run_per_range_writes_one_delta_version_per_month(recorded: Recorded) -> None:
    platform, _, _ = recorded
    publications = platform.published.publications()
    assert [p.month for p in publications] == MONTHS
    assert len({p.run_id for p in publications}) == 1
    for mart in marts_of(SUBJECT):
        versions = [p.marts[mart.name].version for p in publications if p.marts[mart.name].files]
        assert versions == sorted(set(versions))
    assert all(p.marts["subscription_reconciliation"].files for p in publications)


def test_a_single_month_is_published_alone(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    assert workshop.run(SECOND).success
    assert "emitted no result" not in caplog.text  # of checks that block, whose results are logged by month
    assert materialized(workshop.instance, PUBLISHED) == list(seen_months(workshop.platform)) == [SECOND]


def test_a_month_whose_blocking_test_failed_is_not_published_and_the_others_are(workshop: Workshop) -> None:
    assert workshop.run(SECOND).success
    before = workshop.platform.published.current()[SECOND, SUBJECT]
    workshop.failing.append((GRAIN, SECOND, True))
    result = workshop.run(FIRST, THIRD)
    assert not result.success
    assert f"{SECOND}: test {GRAIN} failed on 3 rows" in reasons(result)
    current = workshop.platform.published.current()
    assert current[SECOND, SUBJECT] == before
    assert {m for (m, _), p in current.items() if p.run_id == result.run_id} == {FIRST, THIRD}
    failed = check_months(workshop.instance, workshop.definitions, "FAILED")
    assert failed == {f"{GRID.to_user_string()}:{GRAIN}": [SECOND]}
    assert build_folder(workshop.platform.settings, result.run_id).is_dir()  # kept for a look


def test_a_refused_month_is_not_marked_as_published(workshop: Workshop) -> None:
    workshop.failing.append((GRAIN, SECOND, True))
    workshop.run(FIRST, SECOND)
    assert materialized(workshop.instance, PUBLISHED) == [FIRST]
    assert materialized(workshop.instance, GRID) == [FIRST, SECOND]  # it was built


def test_a_test_that_only_warns_does_not_stop_a_month(workshop: Workshop) -> None:
    workshop.failing.append((GRAIN, SECOND, False))
    assert workshop.run(SECOND).success
    assert materialized(workshop.instance, PUBLISHED) == [SECOND]
    (status,) = seen_months(workshop.platform)[SECOND]["month_status"]
    assert status["checks_failed"] == 1
    assert check_months(workshop.instance, workshop.definitions, "FAILED") == {
        f"{GRID.to_user_string()}:{GRAIN}": [SECOND]
    }


@pytest.mark.parametrize(
    ("source", "failed_month", "held_back"),
    [
        ("ms_recon_nce", SECOND, [FIRST, SECOND, THIRD]),
        ("bss_invoices", INCOMPLETE, [SECOND, THIRD, FOURTH]),
    ],
)
def test_a_failed_raw_month_holds_back_exactly_the_months_whose_window_holds_it(
    source: str, failed_month: str, held_back: list[str], workshop: Workshop
) -> None:
    failure = FailedLoad(source, failed_month, "2025-05-01T00:00:00+00:00", ["a@1"], ["a.csv: broken"])
    workshop.platform.raw.record_failure(failure)
    result = workshop.run(FIRST, FOURTH)
    published = [month for month in MONTHS if month not in held_back]
    assert materialized(workshop.instance, PUBLISHED) == list(seen_months(workshop.platform)) == published
    for month in held_back:
        assert f"{month}: {source} {failed_month} failed its audit: a.csv: broken" in reasons(result)


def test_a_month_without_a_required_source_is_not_published(workshop: Workshop) -> None:
    result = workshop.run(FOURTH, INCOMPLETE)
    assert reasons(result).endswith(f"{INCOMPLETE}: no file of ms_recon_nce is loaded for {INCOMPLETE}")
    assert materialized(workshop.instance, PUBLISHED) == [FOURTH]


def test_neither_the_first_publication_nor_the_same_again_reports_changes(workshop: Workshop) -> None:
    first = workshop.run(FIRST, SECOND)
    assert first.success
    before = seen_months(workshop.platform)
    assert all("reconciliation_changes" not in marts for marts in before.values())
    assert not build_folder(workshop.platform.settings, first.run_id).exists()
    assert workshop.run(FIRST, SECOND).success
    assert seen_months(workshop.platform) == before
    assert len(workshop.platform.published.publications()) == 4


def test_a_new_publication_reports_exactly_what_it_changed(workshop: Workshop) -> None:
    workshop.run(FIRST, SECOND)
    before = workshop.platform.published.current()[SECOND, SUBJECT]
    rows = "intermediate.int_subscriptions__shown"  # of the mart, which is a view of them
    where = f"from {rows} where billing_month = date '{SECOND}-01'"
    workshop.statements += [
        f"create table another as select * replace ('brand-new' as ms_subscription_id) {where} and status = 'match'",
        f"update {rows} set cost_difference = 9 where billing_month = date '{SECOND}-01' and status = 'discrepancy'",
        f"delete {where} and status = 'missing_in_ms'",
        f"insert into {rows} from another",
    ]
    workshop.run(FIRST, SECOND)
    after = seen_months(workshop.platform, stamps=True)
    changes = after[SECOND]["reconciliation_changes"]
    found = {c["change"]: (c["status_from"], c["status_to"], c["difference_from"], c["difference_to"]) for c in changes}
    assert len(changes) == 3
    assert found == {
        "changed": ("discrepancy", "discrepancy", 5, 9),
        "gone": ("missing_in_ms", None, 10, None),
        "new": (None, "match", None, 0),
    }
    assert {c["published_before_at"] for c in changes} == {before.published_at}
    assert "reconciliation_changes" not in after[FIRST]


def test_readers_can_go_back_to_the_publication_before(workshop: Workshop) -> None:
    workshop.run(SECOND)
    first = workshop.platform.published.current()[SECOND, SUBJECT]
    workshop.statements.append(
        f"delete from intermediate.int_subscriptions__shown where billing_month = date '{SECOND}-01'"
    )
    workshop.run(SECOND)
    count = "select count(*) from marts.subscription_reconciliation"
    with workshop.platform.published.connect(published_marts().values(), first.published_at) as reader:
        assert reader.execute(count).fetchall() == [(4,)]
    with workshop.platform.published.connect(published_marts().values()) as reader:
        assert reader.execute(count).fetchall() == [(0,)]
