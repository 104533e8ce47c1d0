"""`dbt build` by hand, of all subjects at once: the months and the figures of each are its own."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from recon_assets.catalogue import SUBJECTS
from recon_assets.pipeline.engines import DuckDBEngine
from recon_assets.pipeline.marts import marts_of
from recon_assets.pipeline.project import (
    DATABASE_NAME,
    dbt_paths,
    invoke_dbt,
    load_manifest,
    manifest_folder,
    quiet_dbt_environment,
)
from recon_assets.sample import write_sample
from recon_assets_tests.dbt.conftest import SAMPLE_MONTHS, Built
from recon_assets_tests.landed import NOW, land_legacy, legacy_line, platform_in

MODELS = ["+int_subscriptions__periods", "int_usage__periods", "+int_einvoices__periods", "stg_azure__usage_lines"]
# Loaded months by source; every subject has others.
LOADED = {
    "ms_recon_nce": ["2025-01"],
    "bss_invoices": ["2025-01", "2025-02"],
    "ms_recon_legacy": ["2025-03"],  # no month is made of it alone
    "azure_cost_export": ["2025-02", "2025-03"],
    "azure_invoice_usage": ["2025-03"],
    "erp_sales_register": ["2025-04"],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Database that dbt made of LOADED without being told the months."""
    home = tmp_path_factory.mktemp("by_hand")
    platform = platform_in(home)
    write_sample(platform.settings.landing, ["2025-01", "2025-02", "2025-03", "2025-04"])
    land_legacy(platform.settings.landing, "2025-03", [legacy_line()])
    for source, months in LOADED.items():
        assert [platform.load(source, month).outcome for month in months] == ["loaded"] * len(months)
    build_by_hand(home, home, "--select", *MODELS, "+quarantined_rows")
    return home / DATABASE_NAME


def build_by_hand(home: Path, folder: Path, *options: str) -> None:
    """What dbt makes of a home's raw months, without tests, in a database of `folder`."""
    arguments = ["build", *options, "--exclude-resource-type", "test", "unit_test", "exposure"]
    with quiet_dbt_environment(folder / DATABASE_NAME, home):
        try:
            results = invoke_dbt([*arguments, *dbt_paths(folder / "dbt")], load_manifest(manifest_folder())).results
        finally:
            DuckDBEngine().release()
    assert {str(result.status) for result in results} == {"success"}


def months_of(built: Path, table: str, condition: str = "true") -> list[str]:
    sql = f"select distinct strftime(billing_month, '%Y-%m') from {table} where {condition} order by 1"
    with duckdb.connect(str(built), read_only=True) as connection:
        return [month for (month,) in connection.execute(sql).fetchall()]


@pytest.mark.parametrize(
    ("table", "months"),
    [
        ("intermediate.int_subscriptions__periods", ["2025-01", "2025-02"]),
        ("intermediate.int_usage__periods", ["2025-02", "2025-03"]),
        ("staging.stg_azure__usage_lines", ["2025-03"]),
        ("intermediate.int_einvoices__periods", ["2025-04"]),
    ],
)
def test_by_hand_a_subject_has_every_month_of_a_source_that_it_requires(
    table: str, months: list[str], built: Path
) -> None:
    """The bug this fixes: usage had the months of the subscriptions' sources."""
    assert months_of(built, table) == months


def test_by_hand_the_rejected_rows_of_every_loaded_month_are_shown(built: Path) -> None:
    expected = json.loads((built.parent / "expected.json").read_text(encoding="utf-8"))
    planted = {(row["source"], row["month"]) for subject in SUBJECTS for row in expected[subject]["quarantined"]}
    with duckdb.connect(str(built), read_only=True) as connection:
        shown = set(connection.execute("select source, month from marts.quarantined_rows").fetchall())
    assert shown == {(source, month) for source, month in planted if month in LOADED.get(source, [])}
    assert {source for source, _ in shown} >= {"bss_invoices", "azure_cost_export", "erp_sales_register"}


def test_by_hand_every_mart_of_all_subjects_is_that_of_the_builds_of_each(
    sample_home: Path, sample_build_of: Callable[[str], Built], tmp_path: Path
) -> None:
    """The bug this fixes: sums of subjects with different places met in one column, which rounded them to two."""
    shown = {"target_months": SAMPLE_MONTHS, "as_of_date": NOW.date().isoformat()}
    build_by_hand(sample_home, tmp_path, "--vars", json.dumps(shown))
    with duckdb.connect(str(tmp_path / DATABASE_NAME)) as connection:
        for subject in SUBJECTS:
            database = sample_build_of(subject).build.database
            connection.execute(f"attach '{database}' as {subject} (read_only)")
        of_all: dict[str, list[str]] = {}
        for subject in SUBJECTS:
            for mart in marts_of(subject):
                of_all.setdefault(mart.name, []).append(f"from {subject}.marts.{mart.name}")
        for mart_name, of_each in of_all.items():
            together, apart = f"from marts.{mart_name}", f"from ({' union all '.join(of_each)})"
            for left, right in ((together, apart), (apart, together)):
                assert connection.execute(f"{left} except all {right}").fetchall() == [], mart_name
