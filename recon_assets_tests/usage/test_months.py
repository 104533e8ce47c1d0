"""What becomes of usage months: when they are final, when they are held back, and what a re-export changes."""

import datetime as dt
from decimal import Decimal

import duckdb

from recon_assets.pipeline.build import Build, run_build
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.publish import MonthOutcome, publish_build
from recon_assets_tests.usage.zone import COST, MONTH, USAGE, Zone, cost_row, usage_row

BOTH, ONLY_USAGE, ONLY_COST = "2025-02", "2025-01", "2024-12"
AS_OF = dt.date(2025, 5, 1)
MONTHS = [ONLY_COST, ONLY_USAGE, BOTH, MONTH]


def put_usage(zone: Zone, month: str, *amounts: str) -> None:
    rows = [usage_row(amount, day=f"{month}-01") for amount in amounts]
    zone.put(f"partner_center/billed_usage/{month}/a.csv", "\n".join([USAGE, *rows]))


def put_cost(zone: Zone, month: str, *amounts: str) -> None:
    rows = [cost_row(amount, day=f"{month}-01") for amount in amounts]
    zone.put(f"cost_management/actual_cost/{month}/a.csv", "\n".join([COST, *rows]))


def built(zone: Zone, months: list[str], as_of: dt.date, run_id: str = "run") -> Build:
    for month in months:
        for source in ("azure_invoice_usage", "azure_cost_export"):
            load = zone.load(source, month)
            assert load.outcome in ("loaded", "absent"), load.problems
    return run_build(zone.platform.settings, "usage", months, run_id, as_of)


def published(zone: Zone, build: Build, run_id: str, day: int) -> dict[str, MonthOutcome]:
    now = dt.datetime(2025, 5, day, tzinfo=dt.UTC)
    store, raw = zone.platform.published, zone.platform.raw
    return {outcome.month: outcome for outcome in publish_build(build, store, raw, run_id, lambda: now)}


def windows(build: Build) -> dict[str, tuple[str, str]]:
    """Status and what is missing, by month, as the mart says."""
    with duckdb.connect(str(build.database), read_only=True) as connection:
        rows = connection.execute(
            "select strftime(billing_month, '%Y-%m'), window_status, coalesce(sources_missing, '') "
            "from marts.month_status where reconciliation = 'usage'"
        ).fetchall()
    return {month: (status, missing) for month, status, missing in rows}


def test_a_month_is_final_when_both_sides_have_landed_and_it_has_been_over_for_five_days(zone: Zone) -> None:
    for month in (ONLY_USAGE, BOTH, MONTH):
        put_usage(zone, month, "1")
    for month in (ONLY_COST, BOTH, MONTH):
        put_cost(zone, month, "1")
    before = windows(built(zone, MONTHS, dt.date(2025, 4, 5)))
    assert before[BOTH] == ("final", "")
    assert before[MONTH] == ("provisional", f"days_to_settle {MONTH}")
    assert before[ONLY_USAGE] == ("incomplete", f"azure_cost_export {ONLY_USAGE}")
    assert before[ONLY_COST] == ("incomplete", f"azure_invoice_usage {ONLY_COST}")
    put_cost(zone, ONLY_USAGE, "1")
    after = windows(built(zone, MONTHS, dt.date(2025, 4, 6)))
    assert (after[MONTH], after[ONLY_USAGE]) == (("final", ""), ("final", ""))
    assert after[ONLY_COST][0] == "incomplete"


def test_an_incomplete_month_stays_incomplete_while_its_days_have_not_settled(zone: Zone) -> None:
    put_usage(zone, MONTH, "1")
    build = built(zone, [MONTH], dt.date(2025, 4, 1))
    assert windows(build)[MONTH] == ("incomplete", f"azure_cost_export {MONTH}; days_to_settle {MONTH}")
    outcome = published(zone, build, "run", 1)[MONTH]
    assert outcome.publication is None
    assert outcome.reasons == [f"no file of azure_cost_export is loaded for {MONTH}"]


def test_two_exports_of_one_kind_that_hold_the_same_subscription_hold_the_month_back(zone: Zone) -> None:
    put_usage(zone, MONTH, "1")
    put_usage(zone, BOTH, "1")
    put_cost(zone, BOTH, "1")
    zone.run("a/run", "2025-04-01T00:00:00Z", [cost_row("1")], export="a")
    zone.run("b/run", "2025-04-01T00:00:00Z", [cost_row("2", "S1/"), cost_row("3", "s2")], export="b")
    build = built(zone, [BOTH, MONTH], dt.date(2025, 5, 1))
    (failed,) = build.failed_checks(MONTH)
    assert (failed.name, failed.blocking, failed.failures) == ("usage_exports_do_not_overlap", True, 1)
    outcomes = published(zone, build, "run", 1)
    assert outcomes[MONTH].publication is None
    assert outcomes[MONTH].reasons == ["test usage_exports_do_not_overlap failed on 1 rows"]
    assert outcomes[BOTH].publication is not None


def test_a_shorter_re_export_of_a_published_month_shows_in_the_changes(zone: Zone) -> None:
    put_usage(zone, MONTH, "1", "2")
    zone.run("a/run1", "2025-04-01T00:00:00Z", [cost_row("1"), cost_row("2"), cost_row("7", "s2")])
    first = published(zone, built(zone, [MONTH], dt.date(2025, 5, 1), "first"), "first", 1)
    assert first[MONTH].reasons == []
    zone.run("a/run2", "2025-04-02T00:00:00Z", [cost_row("1")])
    second = published(zone, built(zone, [MONTH], dt.date(2025, 5, 2), "second"), "second", 2)
    assert second[MONTH].reasons == []
    with zone.platform.published.connect(published_marts().values()) as connection:
        changes = connection.execute(
            "select change, status_from, status_to, difference_from, difference_to from marts.reconciliation_changes "
            "inner join (select reconciliation_key from marts.usage_cost_reconciliation) using (reconciliation_key)"
        ).fetchall()
        gone = connection.execute(
            "select distinct status_from, difference_from from marts.reconciliation_changes where change = 'gone'"
        ).fetchall()
    assert changes == [("changed", "matched", "mismatched", Decimal(0), Decimal(-2))]
    assert gone == [("missing_in_usage", Decimal(7))]


def test_an_adjustment_of_focus_rounds_the_usage_of_its_meter_and_is_out_of_scope_without_it(zone: Zone) -> None:
    put_usage(zone, MONTH, "1")
    heading = "InvoiceId,SubAccountId,ChargePeriodStart,x_SkuMeterId,ChargeCategory,PricingQuantity,BilledCost,BillingCurrency"
    lines = [
        "G1,/subscriptions/s1,2025-03-01,m1,Usage,1,1,USD",
        "G1,/subscriptions/s1,2025-03-31,m1,Adjustment,,0.01,USD",
        "G1,/subscriptions/s1,2025-03-31,,Adjustment,,0.02,USD",
        "G1,/subscriptions/s1,2025-03-31,,Credit,,-5,USD",
    ]
    zone.put(f"cost_management/focus_cost/{MONTH}/a.csv", "\n".join([heading, *lines]))
    build = built(zone, [MONTH], dt.date(2025, 5, 1))
    with duckdb.connect(str(build.database), read_only=True) as connection:
        grid = "select status, cost_amount, rounding_adjustment_amount from marts.usage_cost_reconciliation"
        beside = "select charge_type, cost_amount from marts.usage_cost_out_of_scope order by 1"
        assert connection.execute(grid).fetchall() == [("matched", Decimal(1), Decimal("0.01"))]
        assert connection.execute(beside).fetchall() == [("Adjustment", Decimal("0.02")), ("Credit", Decimal(-5))]
    assert all(check.passed for check in build.checks)
