"""A month of usage and of e-invoices through Dagster: what loading, reconciling and publishing it leaves behind."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pytest

from recon_assets.catalogue import sources_of
from recon_assets.definitions import build_definitions
from recon_assets.home import open_instance
from recon_assets.pipeline.marts import marts_of
from recon_assets.platform import Platform
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.defs.conftest import check_months, materialized, metadata_of
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import SAMPLE_MONTH as MONTH
from recon_assets_tests.reliability.homes import at_home, make_sample_published, seen_months

SUBJECTS = ["usage", "einvoices"]
NOT_LANDED = ("azure_usage_aggregated", "azure_unbilled_usage")  # the sample has no files of these
GRIDS = {"usage": ("usage_cost_reconciliation", "status"), "einvoices": ("einvoice_reconciliation", "bucket")}

LANDED = [s.name for subject in SUBJECTS for s in sources_of(subject) if s.name not in NOT_LANDED]

Recorded = tuple[Platform, dg.DagsterInstance, dg.Definitions]


@pytest.fixture(scope="module")
def recorded(make_once: MakeOnce) -> Iterator[Recorded]:
    """What the runs left on the instance; only to be read."""
    platform = platform_in(make_once("sample-published", make_sample_published))
    with at_home(platform), open_instance(platform.settings) as instance:
        yield platform, instance, build_definitions(platform)


def assets_of(definitions: dg.Definitions, subject: str) -> list[dg.AssetKey]:
    """What a run materializes; the landed files are reported by the sensor."""
    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).tags.get("subject") == subject]
    return sorted(key for key in keys if key.path[0] != "landing" and key.path[-1] not in NOT_LANDED)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_asset_is_materialized_for_the_month(subject: str, recorded: Recorded) -> None:
    _, instance, definitions = recorded
    assert {key.to_user_string(): materialized(instance, key) for key in assets_of(definitions, subject)} == {
        key.to_user_string(): [MONTH] for key in assets_of(definitions, subject)
    }


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_audit_and_every_test_is_a_check_of_the_month_that_passed(subject: str, recorded: Recorded) -> None:
    _, instance, definitions = recorded
    graph = definitions.resolve_asset_graph()
    checks = {key.to_user_string() for asset in assets_of(definitions, subject) for key in graph.get(asset).check_keys}
    passed = check_months(instance, definitions, "SUCCEEDED")
    assert {name: passed.get(name) for name in checks} == {name: [MONTH] for name in checks}
    names = {name.partition(":")[2] for name in checks}
    assert {"schema", "row_count", "quarantine_share", f"{subject}_rows_are_in_one_place"} <= names
    assert check_months(instance, definitions, "FAILED") == {}


@pytest.mark.parametrize("source", LANDED)
def test_a_raw_month_shows_its_rows_files_and_amounts(source: str, recorded: Recorded) -> None:
    platform, instance, _ = recorded
    metadata = metadata_of(instance, dg.AssetKey(["raw", source]), MONTH)
    loaded = platform.raw.read(source, MONTH)
    assert loaded is not None
    assert metadata["dagster/row_count"] == loaded.rows > 0
    assert metadata["files"] == [file.path for file in loaded.files]
    assert [name for name in metadata if name.startswith("amount_")]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_grid_shows_its_rows_by_status_and_its_page(subject: str, recorded: Recorded) -> None:
    platform, instance, _ = recorded
    grid, status = GRIDS[subject]
    rows = seen_months(platform)[MONTH][grid]
    metadata = metadata_of(instance, dg.AssetKey(["marts", grid]), MONTH)
    shown = {name.removeprefix("rows_"): n for name, n in metadata.items() if name.startswith("rows_")}
    assert metadata["dagster/row_count"] == len(rows)
    assert shown == {value: sum(row[status] == value for row in rows) for value in {row[status] for row in rows}}
    assert len(shown) >= 5
    assert metadata["page"] == f"{platform.settings.app_url}/{subject}?month={MONTH}"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_month_of_a_mart_is_one_file_in_the_order_of_the_grain(subject: str, recorded: Recorded) -> None:
    platform, _, _ = recorded
    publication = platform.published.current()[MONTH, subject]
    for mart in marts_of(subject):
        for name in publication.marts[mart.name].files:
            assert [name] == publication.marts[mart.name].files
            file = str(platform.published.root / name)
            grain = ", ".join(column for column in mart.grain if column not in ("billing_month", "reconciliation"))
            order = f"row_number() over (order by {grain or '1'}) - 1"
            rows = f"select file_row_number, {order} as place from read_parquet('{file}', file_row_number = true)"
            moved = duckdb.execute(f"select * from ({rows}) where file_row_number <> place").fetchall()
            assert moved == [], mart.name


def test_what_readers_get_is_what_was_planted(recorded: Recorded) -> None:
    platform, _, _ = recorded
    expected = json.loads((platform.settings.home / "expected.json").read_text(encoding="utf-8"))
    seen = seen_months(platform)[MONTH]
    counts: dict[str, Any] = {}
    for row in seen["usage_cost_reconciliation"]:
        by_status = counts.setdefault(row["comparison"], {})
        by_status[row["status"]] = by_status.get(row["status"], 0) + 1
    assert counts == expected["usage"]["statuses"][MONTH]
    buckets: dict[str, int] = {}
    for row in seen["einvoice_reconciliation"]:
        buckets[row["bucket"]] = buckets.get(row["bucket"], 0) + 1
    assert buckets == expected["einvoices"]["buckets"][MONTH]


def test_a_month_is_final_once_its_window_is_there(recorded: Recorded) -> None:
    platform, instance, _ = recorded
    statuses = {row["reconciliation"]: row["window_status"] for row in seen_months(platform)[MONTH]["month_status"]}
    assert {subject: statuses[subject] for subject in SUBJECTS} == {"usage": "final", "einvoices": "provisional"}
    for subject in SUBJECTS:
        metadata = metadata_of(instance, dg.AssetKey(["published", subject]), MONTH)
        assert metadata["window_status"] == statuses[subject]
        assert set(metadata["versions"]) == {*(mart.name for mart in marts_of(subject)), "reconciliation_changes"}
