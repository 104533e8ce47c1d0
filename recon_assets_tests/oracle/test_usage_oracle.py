"""The dbt build of usage against the brute-force oracle, over random months."""

from pathlib import Path

import duckdb
import pytest

from recon_assets_tests.footing import require_bridges_foot
from recon_assets_tests.landed import as_dicts
from recon_assets_tests.oracle.compare_usage import build_months, differences
from recon_assets_tests.oracle.random_usage import write_random_usage

MONTHS = [f"2025-{month:02d}" for month in range(1, 13)]


@pytest.mark.parametrize("seed", [1, 2])
def test_build_and_oracle_agree_on_a_year_of_random_months(tmp_path: Path, seed: int) -> None:
    for number, month in enumerate(MONTHS):
        write_random_usage(tmp_path / "landing", seed * 1000 + number, month)
    build = build_months(tmp_path, MONTHS)
    assert differences(build, tmp_path / "landing", MONTHS) == []
    with duckdb.connect(str(build.database), read_only=True) as marts:
        require_bridges_foot(as_dicts(marts.execute("from marts.invoice_bridge")))
        ends = "select sum(amount) from marts.invoice_bridge where position = 90"
        lines = "select sum(amount) from staging.stg_azure__cost_lines"
        assert marts.execute(ends).fetchall() == marts.execute(lines).fetchall()
