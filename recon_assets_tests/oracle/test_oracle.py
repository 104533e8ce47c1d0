"""Tests of the oracle itself, and of the random landing trees it is used on."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon_assets_tests.oracle.random_landing import BSS_HEADER, MONTH_NAMES, NCE_46, write_random_landing
from recon_assets_tests.oracle.subscriptions import (
    Month,
    OracleResult,
    coverage,
    coverage_class,
    instant,
    parse_date,
    parse_number,
    reconcile,
    round_half_away,
)

CASES = Path(__file__).parents[1] / "cases" / "coverage_factor.csv"
COVERAGE_CASES = list(csv.DictReader(CASES.read_text(encoding="utf-8").splitlines()))
RANDOM_MONTHS = ["2023-12", "2024-01", "2024-02", "2024-03"]
RANDOM_SEEDS = range(12)


# ---------------------------------------------------------------- small landing trees


def csv_text(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    lines = [",".join(header)]
    lines += [",".join(f'"{row.get(name, "")}"' for name in header) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def land_nce(landing: Path, month: str, rows: Sequence[Mapping[str, str]] = (), suffix="") -> None:
    """A file that holds `month`, so it is named after the month that follows."""
    following = Month.parse(month).plus(1).first
    name = f"{MONTH_NAMES[following.month - 1]}{following.year}_MSRECON_NCE{suffix}.csv"
    folder = landing / "partner_center" / "reconciliation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(csv_text(NCE_46, rows), encoding="utf-8", newline="")


def land_bss(landing: Path, month: str, rows: Sequence[Mapping[str, str]] = (), name="a") -> None:
    folder = landing / "bss" / "invoices" / month
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(csv_text(BSS_HEADER, rows), encoding="utf-8", newline="")


def land_json(landing: Path, month: str, invoices: Sequence[Mapping[str, Any]], name="p1") -> None:
    folder = landing / "bss" / "invoices" / month
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"data": invoices}), encoding="utf-8")


def ms(subscription: str, subtotal: str, **changes: str) -> dict[str, str]:
    """A January line."""
    return {
        "PartnerId": "partner",
        "SubscriptionId": subscription,
        "ProductName": "Microsoft product",
        "UnitPrice": subtotal,
        "Quantity": "1",
        "Subtotal": subtotal,
        "TaxTotal": "0",
        "Total": subtotal,
        "Currency": "USD",
        "ChargeStartDate": "2023-01-01",
        "ChargeEndDate": "2023-01-31",
        **changes,
    }


def bss(subscription: str, total: str, **changes: str) -> dict[str, str]:
    """A January line; its unit cost and quantity differ from those of `ms`."""
    return {
        "Invoice Code": f"I-{subscription}",
        "Invoice Date": "2023-01-05",
        "Invoice Type": "debit",
        "Invoice Stage": "Sent",
        "Account ID": "0032",
        "MS Subscription ID": subscription,
        "Product": "BSS product",
        "Start Date": "1/1/2023",
        "End Date": "1/31/2023 23:59",
        "Qty": "3",
        "Unit Cost": "0.123",
        "Total Cost": total,
        "Currency": "USD",
        **{name.replace("_", " "): value for name, value in changes.items()},
    }


def json_invoice(identity: Any, updated: str, cost: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "code": f"J-{identity}",
        "date": "2023-01-05T00:00:00",
        "createdAt": "2019-01-01T00:00:00Z",
        "type": {"type": "debit"},
        "status": {"type": "Sent"},
        "account": {"id": 1},
        "billingTo": {"id": 2},
        "currency": "usd",
        "updatedAt": updated,
        "items": [json_item(cost)],
        **changes,
    }


def json_item(cost: Any, *external_ids: str, **changes: Any) -> dict[str, Any]:
    return {
        "product": {"name": "JSON product", "type": "NCE"},
        "subscriptions": [{"id": 9, "externalId": one} for one in external_ids or ("a",)],
        "startDate": "2023-01-01T00:00:00Z",
        "endDate": "2023-01-31T23:59:59.9999999Z",
        "quantity": 2,
        "unitCost": cost,
        "total": 5000,
        **changes,
    }


def january(
    landing: Path,
    ms_rows: Sequence[Mapping[str, str]] = (),
    bss_rows: Sequence[Mapping[str, str]] = (),
    **options: Any,
) -> OracleResult:
    land_nce(landing, "2023-01", ms_rows)
    land_bss(landing, "2023-01", bss_rows)
    return reconcile(landing, ["2023-01"], **options)


def only_row(result: OracleResult) -> dict[str, Any]:
    assert len(result.reconciliation) == 1, result.reconciliation
    return result.reconciliation[0]


# ---------------------------------------------------------------- coverage


@pytest.mark.parametrize("case", COVERAGE_CASES, ids=lambda c: f"{c['item_start']}-{c['item_end']}")
def test_every_worked_coverage_case_gives_its_published_value(case: dict[str, str]) -> None:
    start, end, period_start, period_end = (
        date.fromisoformat(case[name]) for name in ("item_start", "item_end", "period_start", "period_end")
    )
    numerator, denominator = coverage(start, end, period_start, period_end)
    assert (numerator, denominator) == (int(case["numerator"]), int(case["denominator"]))
    factor = round_half_away(Fraction(numerator, denominator), 6)
    assert str(factor) == case["coverage_factor"]
    assert coverage_class(start, end, period_start, period_end) == case["coverage_class"]


days = st.dates(date(2019, 1, 1), date(2031, 12, 31))
lengths = st.integers(0, 1200)


@given(start=days, length=lengths, method=st.sampled_from(["thirty_360"]))
def test_factors_over_all_months_sum_to_exactly_one(start: date, length: int, method: str) -> None:
    end = start + timedelta(days=length)
    month, factors = Month.of(start), []
    while month.first <= end:
        factors.append(Fraction(*coverage(start, end, month.first, month.last, method)))
        month = month.plus(1)
    assert sum(factors) == 1
    assert all(0 <= factor <= 1 for factor in factors)


@given(month=st.integers(2019 * 12, 2031 * 12), day=st.integers(1, 28))
def test_a_monthly_price_costs_the_same_whatever_its_anniversary(month: int, day: int) -> None:
    period = Month(month)
    total = Fraction(0)
    for first in (period.plus(-1), period):
        start = first.first.replace(day=day)
        end = first.plus(1).first.replace(day=day) - timedelta(days=1)
        total += Fraction(*coverage(start, end, period.first, period.last))
    assert total == 1


def test_days_over_30_takes_actual_days_capped_at_one_month() -> None:
    january_days = date(2023, 1, 1), date(2023, 1, 31)
    assert coverage(*january_days, *january_days, "days_over_30") == (30, 30)
    half = date(2022, 12, 15), date(2023, 1, 14)
    assert coverage(*half, date(2022, 12, 1), date(2022, 12, 31), "days_over_30") == (17, 30)


def test_days_over_30_leaves_items_longer_than_one_month_to_thirty_360() -> None:
    year = date(2023, 1, 19), date(2024, 1, 18)
    assert coverage(*year, date(2023, 1, 1), date(2023, 1, 31), "days_over_30") == (12, 360)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "comma_delimited", "value"),
    [
        ("1,234.5", True, "1234.5"),
        ("1.234,5", True, "1234.5"),
        ("1,234", True, "1234"),
        ("1,234,567", True, "1234567"),
        ("12,5", True, "12.5"),
        ("1,234", False, "1.234"),
        ("1.234", False, "1.234"),
        ("0.00E+00", True, "0"),
        ("-3.87", True, "-3.87"),
        ("", True, None),
    ],
)
def test_numbers_are_read_by_the_mark_rules(text: str, comma_delimited: bool, value: Any) -> None:
    assert parse_number(text, comma_delimited) == (None if value is None else Decimal(value))


@pytest.mark.parametrize("text", ["n/a", "1,2,3,4x", "NaN", "Infinity", "1 000"])
def test_text_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_number(text, True)


@pytest.mark.parametrize(
    "text",
    [
        "2023-01-09",
        "01/09/2023",
        "1/9/2023",
        "1/9/2023 23:59",
        "2023-01-09T23:59:59.9999999Z",
        "2023-01-09T23:30:00-08:00",
    ],
)
def test_the_day_of_a_date_is_the_one_written(text: str) -> None:
    assert parse_date(text) == date(2023, 1, 9)


@pytest.mark.parametrize("text", ["31/01/2023", "2023-02-30", "soon", "2023-1-9", "09.01.2023"])
def test_a_value_of_another_form_is_no_date(text: str) -> None:
    with pytest.raises(ValueError):
        parse_date(text)


@pytest.mark.parametrize("text", ["", "0001-01-01", "9999-12-31T00:00:00Z", "12/31/9999"])
def test_the_first_and_the_last_day_of_time_are_no_dates(text: str) -> None:
    assert parse_date(text) is None


def test_instants_with_and_without_fractions_compare_by_time() -> None:
    assert instant("2023-01-01T00:00:00.0005000Z") > instant("2023-01-01T00:00:00Z")
    assert instant("2023-01-01T00:00:00+08:00") < instant("2022-12-31T17:00:00Z")


def test_ties_round_away_from_zero() -> None:
    assert round_half_away(Fraction(1, 200), 2) == Decimal("0.01")
    assert round_half_away(Fraction(-1, 200), 2) == Decimal("-0.01")


# ---------------------------------------------------------------- rows and verdicts


def test_ten_and_twelve_subscriptions_with_seven_in_common_give_fifteen_rows(tmp_path) -> None:
    bss_rows = [bss(f"s{n}", "10") for n in range(10)]
    ms_rows = [ms(f"s{n}", "10") for n in range(3, 15)]
    result = january(tmp_path, ms_rows, bss_rows)
    assert Counter(row["status"] for row in result.reconciliation) == {
        "match": 7,
        "missing_in_ms": 3,
        "missing_in_bss": 5,
    }


@pytest.mark.parametrize(
    ("cost", "status", "symbol"),
    [
        ("100.99", "match", "green check mark"),
        ("101.00", "match", "green check mark"),
        ("101.004", "match", "green check mark"),
        ("101.005", "discrepancy", "red X"),
        ("101.01", "discrepancy", "red X"),
        ("99.00", "match", "green check mark"),
        ("98.99", "discrepancy", "red X"),
    ],
)
def test_a_published_difference_up_to_one_is_a_match(tmp_path, cost, status, symbol) -> None:
    row = only_row(january(tmp_path, [ms("a", "100")], [bss("a", cost)]))
    assert (row["status"], row["symbol"]) == (status, symbol)


def test_the_tolerance_is_per_currency(tmp_path) -> None:
    result = january(tmp_path, [ms("a", "100")], [bss("a", "101")], tolerance={"usd": Decimal("0.5")})
    assert only_row(result)["status"] == "discrepancy"


def test_a_row_holds_what_the_mart_holds(tmp_path) -> None:
    row = only_row(january(tmp_path, [ms(" A ", "100")], [bss("a", "130")]))
    assert row == {
        "billing_month": date(2023, 1, 1),
        "ms_subscription_id": "a",
        "reconciliation_key": hashlib.sha256(b"subscription|2023-01|a").hexdigest(),
        "csp_partner": "partner",
        "product_type": None,
        "account_id": "0032",
        "billing_account_id": None,
        "product": "BSS product",
        "currency": "USD",
        "bss_total_cost": Decimal("130.00"),
        "ms_total_cost": Decimal("100.00"),
        "cost_difference": Decimal("30.00"),
        "status": "discrepancy",
        "symbol": "red X",
        "explanation": "unexplained",
        "has_rejected_records": False,
        "bss_item_count": 1,
        "ms_item_count": 1,
    }


EXPLAINED = [
    ("missing_side", [], [bss("a", "10")]),
    ("missing_side", [ms("a", "10")], []),
    ("before_history", [ms("a", "10", ChargeStartDate="2022-12-31")], []),
    ("before_history", [], [bss("a", "10", Start_Date="2022-12-31")]),
    ("currency", [ms("a", "10")], [bss("a", "10", Currency="EUR")]),
    (
        "late_invoice",
        [ms("a", "10")],
        [bss("a", "10"), bss("a", "30", Invoice_Code="late", Invoice_Date="2023-02-01")],
    ),
    ("quantity", [ms("a", "10")], [bss("a", "", Qty="3", Unit_Cost="10.0000001")]),
    ("unit_cost", [ms("a", "10")], [bss("a", "", Qty="1", Unit_Cost="12")]),
    ("tax_or_credit", [ms("a", "10", TaxTotal="1.90")], [bss("a", "11.91")]),
    (
        "tax_or_credit",
        [ms("a", "10")],
        [bss("a", "10"), bss("a", "4", Invoice_Code="credit", Invoice_Type="credit")],
    ),
    ("tax_or_credit", [ms("a", "10"), ms("a", "-4")], [bss("a", "10")]),
    ("unexplained", [ms("a", "10")], [bss("a", "20")]),
    (None, [ms("a", "10")], [bss("a", "10")]),
]


@pytest.mark.parametrize(("expected", "ms_rows", "bss_rows"), EXPLAINED)
def test_every_explanation_has_a_case(tmp_path, expected, ms_rows, bss_rows) -> None:
    assert only_row(january(tmp_path, ms_rows, bss_rows))["explanation"] == expected


def test_a_side_that_sums_to_zero_is_present(tmp_path) -> None:
    row = only_row(january(tmp_path, [ms("a", "0.5")], [bss("a", "5"), bss("a", "-5")]))
    assert (row["status"], row["bss_total_cost"]) == ("match", Decimal("0.00"))


def test_a_missing_side_has_no_total_and_counts_as_zero(tmp_path) -> None:
    row = only_row(january(tmp_path, [ms("a", "10")]))
    assert (row["bss_total_cost"], row["bss_item_count"]) == (None, 0)
    assert row["cost_difference"] == Decimal("-10.00")


def test_two_currencies_on_a_side_leave_its_total_empty(tmp_path) -> None:
    both = [bss("a", "10"), bss("a", "10", Currency=" eur ")]
    row = only_row(january(tmp_path, [ms("a", "10")], both))
    assert (row["status"], row["currency"]) == ("not_comparable", "EUR/USD")
    assert row["bss_total_cost"] is None
    assert row["cost_difference"] is None
    assert row["ms_total_cost"] == Decimal("10.00")


def test_empty_blank_and_zero_ids_share_one_row(tmp_path) -> None:
    ids = ["", "  ", "00000000-0000-0000-0000-000000000000"]
    row = only_row(january(tmp_path, [ms(one, "1") for one in ids], [bss("", "3")]))
    assert (row["ms_subscription_id"], row["ms_item_count"]) == ("unassigned", 3)


# ---------------------------------------------------------------- signs


@pytest.mark.parametrize(
    ("costs", "total"),
    [(["30"], "-30.00"), (["-30"], "-30.00"), (["30", "-10"], "-20.00"), (["10", "-30"], "-20.00")],
)
def test_credits_count_negative_whatever_sign_they_are_exported_with(tmp_path, costs, total) -> None:
    rows = [bss("a", cost, Invoice_Type="credit") for cost in costs]
    assert str(only_row(january(tmp_path, [ms("a", "1")], rows))["bss_total_cost"]) == total


def test_a_negative_debit_line_is_taken_as_signed(tmp_path) -> None:
    assert only_row(january(tmp_path, [], [bss("a", "-7")]))["bss_total_cost"] == Decimal("-7.00")


# ---------------------------------------------------------------- selection


def selected_count(landing: Path, side: str, **options: Any) -> int:
    result = reconcile(landing, ["2023-01"], **options)
    return sum(row["side"] == side for row in result.items)


@pytest.mark.parametrize(
    ("invoiced", "count"),
    [("2022-11-30", 0), ("2022-12-01", 1), ("2023-04-30", 1), ("2023-05-01", 0)],
)
def test_an_invoice_counts_from_the_month_before_to_the_third_after(tmp_path, invoiced, count) -> None:
    january(tmp_path, [], [bss("a", "1", Invoice_Date=invoiced)])
    assert selected_count(tmp_path, "bss") == count


LONG = {"Start_Date": "2022-06-15", "End_Date": "2023-06-14"}


@pytest.mark.parametrize(
    ("method", "invoiced", "count"),
    [
        ("overlap", "2020-01-01", 1),
        ("overlap", "2023-05-01", 0),
        ("touch", "2023-01-01", 0),
    ],
)
def test_a_long_item_is_exempt_from_the_lower_bound_only(tmp_path, method, invoiced, count) -> None:
    january(tmp_path, [], [bss("a", "1", Invoice_Date=invoiced, **LONG)])
    assert selected_count(tmp_path, "bss", selection_method=method) == count


@pytest.mark.parametrize(
    ("month", "end", "count"),
    [
        ("2022-11", "2023-01-31", 0),
        ("2022-12", "2023-01-31", 1),
        ("2023-02", "2023-01-31", 1),
        ("2023-03", "2023-01-31", 0),
        ("2022-11", "2023-02-01", 1),
        ("2023-03", "2023-02-01", 0),
    ],
)
def test_a_microsoft_line_counts_from_the_files_around_the_month(tmp_path, month, end, count) -> None:
    january(tmp_path)
    land_nce(tmp_path, month, [ms("a", "1", ChargeEndDate=end)])
    assert selected_count(tmp_path, "ms") == count


def test_undated_items_belong_to_one_month_only(tmp_path) -> None:
    no_dates = {"Start_Date": "0001-01-01", "End_Date": "2023-01-10"}
    land_nce(tmp_path, "2023-01", [ms("a", "7", ChargeStartDate="", ChargeEndDate="")])
    land_nce(tmp_path, "2023-02")
    land_bss(tmp_path, "2023-01", [bss("a", "7", **no_dates)])
    land_bss(tmp_path, "2023-02", [bss("b", "7", Invoice_Date="2023-01-31", **no_dates)])
    result = reconcile(tmp_path, ["2023-01", "2023-02"], selection_method="touch")
    assert {row["billing_month"] for row in result.items} == {date(2023, 1, 1)}
    for row in result.items:
        assert (row["numerator"], row["denominator"], row["coverage_factor"]) == (None, None, 1)
        assert (row["coverage_class"], row["period_cost"]) == ("undated", 7)


def test_an_item_that_weighs_nothing_makes_its_side_present(tmp_path) -> None:
    last = {"Start_Date": "2023-01-31", "End_Date": "2023-02-27"}
    row = only_row(january(tmp_path, [ms("a", "1")], [bss("a", "99", **last)]))
    assert (row["status"], row["bss_total_cost"]) == ("match", Decimal("0.00"))


# ---------------------------------------------------------------- scope


@pytest.mark.parametrize("stage", ["Canceled", "Cancelled"])
def test_canceled_invoices_are_out_of_scope(tmp_path, stage) -> None:
    result = january(tmp_path, [], [bss("a", "1", Invoice_Stage=stage), bss("b", "1")])
    assert only_row(result)["ms_subscription_id"] == "b"


def test_the_copy_updated_last_replaces_the_others_whole(tmp_path) -> None:
    old = json_invoice(1, "2023-02-01T00:00:00Z", 5, items=[json_item(5), json_item(6)])
    new = json_invoice(1, "2023-02-01T00:00:00.0000001Z", 7)
    land_json(tmp_path, "2023-01", [old])
    land_json(tmp_path, "2023-03", [new])
    result = january(tmp_path, [ms("a", "14")])
    assert only_row(result)["bss_total_cost"] == Decimal("14.00")
    assert [row["source_month"] for row in result.items if row["side"] == "bss"] == [date(2023, 3, 1)]


def test_an_invoice_that_is_canceled_later_leaves_its_older_copy_out(tmp_path) -> None:
    land_json(tmp_path, "2023-01", [json_invoice(1, "2023-02-01T00:00:00Z", 5)])
    canceled = json_invoice(1, "2023-02-09T00:00:00Z", 5, status={"type": "Canceled"})
    land_json(tmp_path, "2023-02", [canceled])
    assert january(tmp_path).reconciliation == []


def test_summary_lines_are_left_out_and_lines_without_id_are_kept(tmp_path) -> None:
    items = [json_item(5, "a", "b"), {**json_item(6), "subscriptions": []}, json_item(7, "")]
    land_json(tmp_path, "2023-01", [json_invoice(1, "2023-02-01T00:00:00Z", 0, items=items)])
    row = only_row(january(tmp_path))
    assert (row["ms_subscription_id"], row["bss_total_cost"]) == ("unassigned", Decimal("26.00"))


def test_a_file_that_landed_twice_loads_once(tmp_path) -> None:
    land_nce(tmp_path, "2023-01", [ms("a", "1")], suffix="_again")
    assert only_row(january(tmp_path, [ms("a", "1")]))["ms_item_count"] == 1


# ---------------------------------------------------------------- quarantine and months


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"Start_Date": "31/01/2023"}, "Start Date", "not a date"),
        ({"Start_Date": "2023-02-01"}, "Start Date", "start > end"),
        ({"Total_Cost": "ten"}, "Total Cost", "not a number"),
        ({"Total_Cost": "", "Unit_Cost": ""}, "Total Cost", "neither total cost nor unit cost"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_others_load(tmp_path, changes, column, reason) -> None:
    rows = [bss("a", "1"), {**bss("b", "1"), **bss("b", changes.pop("Total_Cost", "1"), **changes)}]
    result = january(tmp_path, [], [*rows, bss("c", "1")])
    assert [row["ms_subscription_id"] for row in result.reconciliation] == ["a", "c"]
    assert [row["source_row"] for row in result.items] == [1, 3]
    (bad,) = result.quarantined
    assert (bad["source"], bad["month"], bad["source_row"]) == ("bss_invoices", "2023-01", 2)
    assert bad["source_file"] == "bss/invoices/2023-01/a.csv"
    assert (bad["column_name"], bad["reason"]) == (column, reason)


def test_a_month_is_final_provisional_or_incomplete_by_what_landed(tmp_path) -> None:
    for month in ("2022-12", "2023-01", "2023-02"):
        land_nce(tmp_path, month)
    for month in ("2022-12", "2023-01", "2023-02", "2023-03", "2023-04"):
        land_bss(tmp_path, month)
    result = reconcile(tmp_path, ["2023-01", "2023-02", "2023-03"])
    assert result.window_status == {
        "2023-01": "final",
        "2023-02": "provisional",
        "2023-03": "incomplete",
    }


# ---------------------------------------------------------------- random landing trees


@pytest.fixture(scope="module")
def random_results(tmp_path_factory) -> list[OracleResult]:
    results = []
    for seed in RANDOM_SEEDS:
        landing = tmp_path_factory.mktemp(f"seed{seed}")
        write_random_landing(landing, seed, RANDOM_MONTHS)
        results.append(reconcile(landing, RANDOM_MONTHS))
    return results


def test_random_trees_reach_every_status_and_every_explanation(random_results) -> None:
    rows = [row for result in random_results for row in result.reconciliation]
    assert {row["status"] for row in rows} == {
        "match",
        "discrepancy",
        "missing_in_ms",
        "missing_in_bss",
        "not_comparable",
    }
    assert {row["explanation"] for row in rows} == {
        None,
        "before_history",
        "currency",
        "late_invoice",
        "missing_side",
        "quantity",
        "rejected_records",
        "tax_or_credit",
        "unexplained",
        "unit_cost",
    }


def test_random_trees_reach_every_class_month_status_and_unassigned(random_results) -> None:
    items = [row for result in random_results for row in result.items]
    classes = {row["coverage_class"] for row in items}
    assert classes == {"inside", "starts_in", "ends_in", "spans", "undated"}
    assert {row["sign"] for row in items if row["side"] == "bss"} == {1, -1}
    assert "unassigned" in {row["ms_subscription_id"] for row in items}
    statuses = {status for result in random_results for status in result.window_status.values()}
    assert statuses == {"final", "provisional", "incomplete"}


def test_random_trees_have_at_most_one_bad_row_per_source_and_month(random_results) -> None:
    for result in random_results:
        bad = Counter((row["source"], row["month"]) for row in result.quarantined)
        assert not bad or max(bad.values()) == 1
    assert {row["source"] for result in random_results for row in result.quarantined} == {
        "bss_invoices",
        "ms_recon_nce",
        "ms_recon_legacy",
    }


def test_a_seed_always_gives_the_same_bytes(tmp_path) -> None:
    def tree(name: str) -> dict[str, bytes]:
        root = tmp_path / name
        write_random_landing(root, 5, RANDOM_MONTHS, subscriptions=4)
        files = [path for path in root.rglob("*") if path.is_file()]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}

    assert tree("one") == tree("two")


@pytest.mark.parametrize("selection_method", ["overlap", "touch"])
@pytest.mark.parametrize("coverage_method", ["thirty_360", "days_over_30"])
def test_published_totals_are_the_sums_of_the_published_items(tmp_path, selection_method, coverage_method) -> None:
    write_random_landing(tmp_path, 3, RANDOM_MONTHS)
    result = reconcile(
        tmp_path,
        RANDOM_MONTHS,
        selection_method=selection_method,
        coverage_method=coverage_method,
    )
    assert result.reconciliation
    for row in result.reconciliation:
        for side in ("bss", "ms"):
            items = [
                item
                for item in result.items
                if item["side"] == side and item["reconciliation_key"] == row["reconciliation_key"]
            ]
            assert len(items) == row[f"{side}_item_count"]
            if row[f"{side}_total_cost"] is not None:
                cost = sum((Fraction(item["period_cost"]) for item in items), Fraction(0))
                assert round_half_away(cost, 2) == row[f"{side}_total_cost"]
