"""The ways docs/bi.md names read the same published rows."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from recon_assets_tests.app.published import PLAIN

ROWS, DIFFERENCE = PLAIN + 3, Decimal("169.75")  # March as it was published last: 99.75 and 70.00


@pytest.fixture
def mart(published: Path) -> str:
    return str(published / "subscription_reconciliation")


def test_pandas_reads_a_month_with_exact_decimals(mart: str) -> None:
    frame = DeltaTable(mart).to_pandas(filters=[("billing_month", "=", dt.date(2025, 3, 1))])
    assert (len(frame), frame["cost_difference"].dropna().sum()) == (ROWS, DIFFERENCE)


def test_polars_reads_a_month_with_exact_decimals(mart: str) -> None:
    march = pl.scan_delta(mart).filter(pl.col("billing_month") == pl.date(2025, 3, 1)).collect()
    assert (march.height, march["cost_difference"].sum()) == (ROWS, DIFFERENCE)


def test_duckdb_reads_delta_through_delta_rs(mart: str) -> None:
    dataset = DeltaTable(mart).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("mart", dataset)
        sql = "select count(*), sum(cost_difference) from mart where billing_month = date '2025-03-01'"
        assert connection.execute(sql).fetchone() == (ROWS, DIFFERENCE)
