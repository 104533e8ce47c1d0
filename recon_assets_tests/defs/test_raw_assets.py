"""Raw months as assets: what a load records of its month, and that a failed audit changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.home import open_instance
from recon_assets.platform import Platform
from recon_assets_tests.defs.conftest import check_months, materialized, metadata_of
from recon_assets_tests.landed import land, land_bss, land_legacy, land_nce, legacy_line, microsoft_name, platform_in
from recon_assets_tests.reliability.homes import at_home, bss_lines, nce_lines

MONTH, OTHER = "2025-02", "2025-03"
NCE, LEGACY, BSS = (dg.AssetKey(["raw", name]) for name in ("ms_recon_nce", "ms_recon_legacy", "bss_invoices"))
AUDITS = ("schema", "row_count", "quarantine_share", "control_totals", "repeats")


@dataclass(frozen=True)
class Loader:
    platform: Platform
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    @property
    def landing(self) -> Path:
        return self.platform.settings.landing

    def load(self, month: str, *keys: dg.AssetKey) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def("load_raw").execute_in_process(
            instance=self.instance, raise_on_error=False, partition_key=month, asset_selection=list(keys)
        )

    def checks(self, status: str) -> dict[str, list[str]]:
        return check_months(self.instance, self.definitions, status)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """Of a home in which nothing has landed yet."""
    return build_definitions(platform_in(tmp_path_factory.mktemp("home")))


@pytest.fixture
def loader(platform: Platform, definitions: dg.Definitions) -> Iterator[Loader]:
    with at_home(platform), open_instance(platform.settings) as instance:
        yield Loader(platform, instance, definitions)


def checks_of(key: dg.AssetKey, *months: str) -> dict[str, list[str]]:
    return {f"{key.to_user_string()}:{audit}": list(months) for audit in AUDITS}


def reasons(result: dg.ExecuteInProcessResult) -> list[str]:
    failures = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return [failure.description or "" for failure in failures if failure]


def test_a_loaded_month_shows_rows_files_amounts_and_a_preview(loader: Loader) -> None:
    lines = nce_lines(MONTH, count=200)
    lines[0]["Currency"] = "USD"
    lines[5]["Subtotal"] = "ten"
    path = land_nce(loader.landing, MONTH, lines)
    twice = land_nce(loader.landing, MONTH, lines, suffix="_again.csv")
    others = [line | {"ProductName": "Another"} for line in nce_lines(MONTH)]
    other = land_nce(loader.landing, MONTH, others, suffix="_other.csv")
    assert loader.load(MONTH, NCE).success
    metadata = metadata_of(loader.instance, NCE, MONTH)
    assert metadata["dagster/row_count"] == 205
    assert metadata["quarantined_rows"] == 1
    assert metadata["files"] == [path, twice, other]
    assert metadata["duplicate_files"] == [f"{twice} (same content as {path})"]
    assert metadata["amount_USD"] == 10.0
    assert metadata["amount_MYR"] == 249.0
    assert "| MYR | 249.000000000000 | 204 |" in metadata["amounts"]
    assert metadata["preview"].count("\n") == 6
    assert "order_id" in metadata["preview"].splitlines()[0]


def test_each_audit_is_recorded_for_the_month_alone(loader: Loader) -> None:
    for month in (MONTH, OTHER):
        land_nce(loader.landing, month, nce_lines(month))
    assert loader.load(MONTH, NCE).success
    assert loader.checks("SUCCEEDED") == checks_of(NCE, MONTH)
    assert loader.load(OTHER, NCE).success
    assert loader.checks("SUCCEEDED") == checks_of(NCE, MONTH, OTHER)
    assert materialized(loader.instance, NCE) == [MONTH, OTHER]


def test_an_audit_says_what_it_counted(loader: Loader) -> None:
    land_nce(loader.landing, MONTH, nce_lines(MONTH))
    details = {e.check_name: e.metadata["detail"].value for e in loader.load(MONTH, NCE).get_asset_check_evaluations()}
    assert details == {
        "schema": f"ms_recon_nce {MONTH} fulfils its contract",
        "row_count": f"ms_recon_nce {MONTH}: 3 records read, 3 rows and 0 rejected",
        "quarantine_share": f"ms_recon_nce {MONTH}: 0 of 3 rows were rejected, 1 are allowed",
        "control_totals": "every control total agrees",
        "repeats": "no two files share half their records",
    }


def test_a_failed_audit_fails_the_run_and_keeps_the_month_as_it_was(loader: Loader) -> None:
    for month in (MONTH, OTHER):
        land_nce(loader.landing, month, nce_lines(month))
        assert loader.load(month, NCE).success
    before = loader.platform.raw.read("ms_recon_nce", MONTH)
    path = land(loader.landing, microsoft_name(MONTH, "NCE"), b"These,are,not,its,columns\r\n1,2,3,4,5\r\n").name
    result = loader.load(MONTH, NCE)
    assert not result.success
    assert path in reasons(result)[0]
    assert result.asset_materializations_for_node("raw__ms_recon_nce") == []
    assert loader.checks("FAILED") == {"raw/ms_recon_nce:schema": [MONTH]}
    assert loader.checks("SUCCEEDED")["raw/ms_recon_nce:schema"] == [OTHER]
    assert loader.platform.raw.read("ms_recon_nce", MONTH) == before
    assert metadata_of(loader.instance, NCE, MONTH)["dagster/row_count"] == 3


def test_too_many_rejected_rows_fail_their_own_audit_and_name_the_first(loader: Loader) -> None:
    lines = nce_lines(MONTH)
    for line in lines[:2]:
        line["Subtotal"] = "ten"
    path = land_nce(loader.landing, MONTH, lines)
    result = loader.load(MONTH, NCE)
    assert f"{path}, row 2 (record 1), column 'Subtotal': 'ten'" in reasons(result)[0]
    assert loader.checks("FAILED") == {"raw/ms_recon_nce:quarantine_share": [MONTH]}
    assert materialized(loader.instance, NCE) == []


def test_a_corrected_file_clears_the_failed_audit(loader: Loader) -> None:
    land(loader.landing, microsoft_name(MONTH, "NCE"), b"")
    assert not loader.load(MONTH, NCE).success
    land_nce(loader.landing, MONTH, nce_lines(MONTH))
    assert loader.load(MONTH, NCE).success
    assert loader.checks("FAILED") == {}
    assert loader.checks("SUCCEEDED") == checks_of(NCE, MONTH)


def test_a_month_without_a_legacy_file_is_fine(loader: Loader) -> None:
    assert loader.load(MONTH, LEGACY).success
    assert metadata_of(loader.instance, LEGACY, MONTH) == {"dagster/row_count": 0, "files": "none"}
    assert loader.checks("SUCCEEDED") == checks_of(LEGACY, MONTH)
    assert loader.platform.raw.read("ms_recon_legacy", MONTH) is None


def test_a_month_without_a_required_file_fails_and_says_where_it_belongs(loader: Loader) -> None:
    result = loader.load(MONTH, NCE, BSS)
    assert not result.success
    assert sorted(reasons(result)) == [
        f"No file of bss_invoices has landed for {MONTH}; it belongs below bss/invoices/",
        f"No file of ms_recon_nce has landed for {MONTH}; it belongs below partner_center/reconciliation/",
    ]
    assert materialized(loader.instance, NCE) == materialized(loader.instance, BSS) == []


def test_one_source_that_fails_stops_no_other_source_of_the_month(loader: Loader) -> None:
    land_bss(loader.landing, MONTH, bss_lines(MONTH))
    land_legacy(loader.landing, MONTH, [legacy_line()])
    land(loader.landing, microsoft_name(MONTH, "NCE"), b"")
    assert not loader.load(MONTH, NCE, BSS, LEGACY).success
    assert materialized(loader.instance, NCE) == []
    assert materialized(loader.instance, BSS) == materialized(loader.instance, LEGACY) == [MONTH]


def test_a_month_whose_files_are_gone_is_retired(loader: Loader) -> None:
    path = land_legacy(loader.landing, MONTH, [legacy_line()])
    assert loader.load(MONTH, LEGACY).success
    (loader.landing / path).unlink()
    assert loader.load(MONTH, LEGACY).success
    assert loader.platform.raw.read("ms_recon_legacy", MONTH) is None
    assert metadata_of(loader.instance, LEGACY, MONTH)["dagster/row_count"] == 0
