"""Periods that are no month: whole months equal the month, parts of a month add up to it."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_assets.errors import InputError
from recon_assets.months import first_day, last_day
from recon_assets.period import Period, parse_period, period_items_sql, period_sql, prepare
from recon_assets_tests.dbt.conftest import RANDOM_MONTHS, BuildOf
from recon_assets_tests.landed import as_dicts

MONTHS = RANDOM_MONTHS[1]
FIRST, LAST = first_day(MONTHS[0]), last_day(MONTHS[-1])
DAYS = st.dates(FIRST, LAST)
DECISION = {"decision", "decision_state", "decision_reason", "decided_by", "decided_at", "decided_status",
            "decided_difference", "is_open"}  # fmt: skip
# What a month's row has beside its verdict of the period.
OF_THE_MONTH = {*DECISION, "billing_month", "reconciliation_key", "product_family", "selection_method", "coverage_method",
                "has_rejected_records",
                "published_at", "run_id"}  # fmt: skip


@pytest.fixture(scope="module", params=[("overlap", "thirty_360"), ("touch", "days_over_30")], ids=str)
def months(request: pytest.FixtureRequest, random_build: BuildOf) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of a build whose months count as published."""
    database = random_build(1, *request.param).build.database
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as build (read_only); create schema marts")
        for mart in ("subscription_reconciliation", "subscription_reconciliation_items"):
            connection.execute(f"create table marts.{mart} as from build.marts.{mart}")
        prepare(connection)
        yield connection


def rows(months: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    return as_dicts(months.execute(sql))


def test_a_whole_month_gives_exactly_the_rows_of_the_month(months: duckdb.DuckDBPyConnection) -> None:
    for month in MONTHS:
        period = Period(first_day(month), last_day(month))
        found = rows(months, period_sql(period, MONTHS))
        of_month = f"from marts.subscription_reconciliation where billing_month = date '{month}-01' order by 2"
        expected = [{k: v for k, v in row.items() if k not in OF_THE_MONTH} for row in rows(months, of_month)]
        assert found == expected


def costs(months: duckdb.DuckDBPyConnection, period: Period) -> dict[tuple[Any, ...], Decimal]:
    """What each item costs in a period."""
    found: dict[tuple[Any, ...], Decimal] = {}
    for row in rows(months, period_items_sql(period, MONTHS)):
        key = (row["billing_month"], row["side"], row["source_file"], row["source_row"])
        found[key] = found.get(key, Decimal(0)) + row["part_cost"]
    return found


@given(days=st.lists(DAYS, min_size=2, max_size=5, unique=True))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_costs_of_a_split_range_add_up_to_those_of_the_range(
    months: duckdb.DuckDBPyConnection, days: list[dt.date]
) -> None:
    method = months.execute("select any_value(selection_method) from marts.subscription_reconciliation").fetchall()
    if method != [("overlap",)]:
        return  # an item that touches the range need not touch each part of it
    days = sorted(days)
    whole = costs(months, Period(days[0], days[-1]))
    starts = [days[0], *(day + dt.timedelta(days=1) for day in days[1:-1])]
    parts = [costs(months, Period(a, b)) for a, b in zip(starts, days[1:], strict=True)]
    assert {key for part in parts for key in part} == whole.keys()
    for key, cost in whole.items():
        gap = abs(sum((part.get(key, Decimal(0)) for part in parts), Decimal(0)) - cost)
        assert gap <= Decimal("0.000001") * (len(parts) + len(MONTHS)), key


def test_several_whole_months_give_one_verdict_per_subscription(months: duckdb.DuckDBPyConnection) -> None:
    found = rows(months, period_sql(Period(FIRST, LAST), MONTHS))
    ids = rows(months, "select distinct ms_subscription_id from marts.subscription_reconciliation")
    assert sorted(row["ms_subscription_id"] for row in found) == sorted(row["ms_subscription_id"] for row in ids)
    items = rows(
        months,
        "select ms_subscription_id, side, count(*) as n from marts.subscription_reconciliation_items group by all",
    )
    counted = {(row["ms_subscription_id"], row["side"]): row["n"] for row in items}
    assert {row["ms_subscription_id"]: row["bss_item_count"] for row in found} == {
        row["ms_subscription_id"]: counted.get((row["ms_subscription_id"], "bss"), 0) for row in found
    }


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2025-3-1", "2025-04-01", "is not a day"),
        ("2025-03-02", "2025-03-01", "before it begins"),
        ("2025-03-10", "2026-03-10", "at most 12 months"),
    ],
)
def test_a_period_that_is_none_is_answered_with_a_sentence(first: str, last: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_period(first, last)
    assert parse_period("2025-03-10", "2026-03-09").months[-1] == "2026-03"


def test_only_published_months_take_part(months: duckdb.DuckDBPyConnection) -> None:
    found = rows(months, period_items_sql(Period(FIRST, LAST), MONTHS[1:2]))
    assert {row["billing_month"] for row in found} == {first_day(MONTHS[1])}
    with pytest.raises(InputError, match="is published"):
        period_sql(Period(FIRST, LAST), [])
