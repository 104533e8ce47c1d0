"""The coverage factor in SQL: worked cases, the properties of spec/subscription_reconciliation.md, exact rounding."""

import csv
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_assets.months import add_months, first_day, last_day, month_of, month_range
from recon_assets_tests.dbt.macros import Item, Macros
from recon_assets_tests.oracle.subscriptions import COVERAGE_METHODS, coverage, coverage_class, d30, round_half_away
from recon_assets_tests.search import examples

CASES = list(csv.DictReader((Path(__file__).parents[1] / "cases" / "coverage_factor.csv").open(encoding="utf-8")))
many = settings(
    max_examples=examples(10, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

DAYS = st.dates(dt.date(2019, 1, 1), dt.date(2029, 12, 31))
LENGTHS = st.one_of(st.integers(0, 62), st.integers(0, 1200))


@st.composite
def periods(draw: st.DrawFn) -> tuple[dt.date, dt.date]:
    """First and last day of an item: short ones and long ones, often at the ends of months."""
    start = draw(DAYS)
    if draw(st.booleans()):
        start = draw(st.sampled_from([last_day(month_of(start)), first_day(month_of(start))]))
    return start, start + dt.timedelta(days=draw(LENGTHS))


ITEMS = st.lists(periods(), min_size=20, max_size=40)


def by_month(start: dt.date, end: dt.date) -> list[Item]:
    """The item in each month that it touches, and in the months before and after."""
    months = month_range(add_months(month_of(start), -1), add_months(month_of(end), 1))
    return [(start, end, first_day(month), last_day(month)) for month in months]


def day_of(month: str, day: int) -> dt.date:
    return first_day(month).replace(day=day)


def worked_case(row: dict[str, str]) -> Item:
    start, end, period_start, period_end = (
        dt.date.fromisoformat(row[name]) for name in ("item_start", "item_end", "period_start", "period_end")
    )
    return start, end, period_start, period_end


def test_every_worked_case_comes_out_as_written(macros: Macros) -> None:
    covered = macros.coverage([worked_case(row) for row in CASES])
    factors = macros.ratio([(Decimal(1), c.numerator, c.denominator) for c in covered])
    assert len(CASES) == 20
    for row, case, factor in zip(CASES, covered, factors, strict=True):
        written = int(row["numerator"]), int(row["denominator"]), Decimal(row["coverage_factor"])
        assert (case.numerator, case.denominator, factor) == written, row["note"]
        assert row["coverage_class"] in (case.coverage_class, ""), row["note"]  # empty: without overlap there is none


@pytest.mark.parametrize("method", COVERAGE_METHODS)
@given(items=ITEMS)
@many
def test_numerators_and_denominators_are_those_of_the_oracle(
    macros: Macros, method: str, items: list[tuple[dt.date, dt.date]]
) -> None:
    cases = [case for item in items for case in by_month(*item)]
    for case, covered in zip(cases, macros.coverage(cases, method), strict=True):
        assert (covered.numerator, covered.denominator) == coverage(*case, method), case
        assert covered.d30 == d30(case[0], case[1])


@given(items=ITEMS)
@many
def test_the_factors_of_an_item_sum_to_one_over_the_months(
    macros: Macros, items: list[tuple[dt.date, dt.date]]
) -> None:
    check_sums(macros, [by_month(*item) for item in items])


@given(items=ITEMS, data=st.data())
@many
def test_the_factors_of_an_item_sum_to_one_over_any_split_of_time(
    macros: Macros, items: list[tuple[dt.date, dt.date]], data: st.DataObject
) -> None:
    split = []
    for start, end in items:
        days = (end - start).days
        cuts = sorted(data.draw(st.sets(st.integers(1, days), max_size=5))) if days else []
        firsts = [start - dt.timedelta(days=40), *(start + dt.timedelta(days=cut) for cut in cuts)]
        lasts = [first - dt.timedelta(days=1) for first in firsts[1:]] + [end + dt.timedelta(days=40)]
        split.append([(start, end, first, last) for first, last in zip(firsts, lasts, strict=True)])
    check_sums(macros, split)


def check_sums(macros: Macros, split: Sequence[Sequence[Item]]) -> None:
    covered = iter(macros.coverage([part for parts in split for part in parts]))
    for parts in split:
        own = [next(covered) for _ in parts]
        assert len({c.denominator for c in own}) == 1
        assert all(0 <= c.numerator <= c.denominator for c in own)
        assert own[0].denominator > 0
        assert sum(c.numerator for c in own) == own[0].denominator, parts[0][:2]


@given(month=DAYS.map(month_of), days=st.lists(st.integers(1, 28), min_size=2, max_size=28))
@many
def test_a_monthly_price_gives_the_same_month_cost_whatever_its_anniversary_day(
    macros: Macros, month: str, days: list[int]
) -> None:
    """Two monthly items meet the month: the one that ends in it and the one that starts in it."""
    cases = []
    for day in days:
        starts = [day_of(add_months(month, offset), day) for offset in (-1, 0, 1)]
        for start, following in pairwise(starts):
            cases.append((start, following - dt.timedelta(days=1), first_day(month), last_day(month)))
    covered = macros.coverage(cases)
    for ending, starting in zip(covered[::2], covered[1::2], strict=True):
        assert (ending.denominator, starting.denominator) == (30, 30)
        assert ending.numerator + starting.numerator == 30


@given(items=ITEMS)
@many
def test_days_over_30_counts_the_days_of_short_items_and_leaves_long_ones_alone(
    macros: Macros, items: list[tuple[dt.date, dt.date]]
) -> None:
    cases = [case for item in items for case in by_month(*item)]
    literal, default = macros.coverage(cases, "days_over_30"), macros.coverage(cases)
    for case, counted, usual in zip(cases, literal, default, strict=True):
        if usual.d30 > 30:
            assert counted == usual
        else:
            days = (min(case[1], case[3]) - max(case[0], case[2])).days + 1
            assert (counted.numerator, counted.denominator) == (max(0, min(days, 30)), 30)


@pytest.mark.parametrize(
    ("item", "factor"),
    [
        (("2022-12-22", "2023-01-21", "2023-01-01", "2023-01-31"), (21, 30)),
        (("2023-01-01", "2023-01-31", "2023-01-01", "2023-01-31"), (30, 30)),  # 31 days, capped
        (("2023-02-01", "2023-02-28", "2023-02-01", "2023-02-28"), (28, 30)),
        (("2023-01-31", "2023-01-31", "2023-01-01", "2023-01-31"), (1, 30)),
        (("2023-01-05", "2023-01-23", "2023-01-01", "2023-01-31"), (19, 30)),
        (("2023-01-19", "2024-01-18", "2023-02-01", "2023-02-28"), (30, 360)),  # longer than a month
    ],
)
def test_days_over_30_is_the_source_document_literally(
    item: tuple[str, str, str, str], factor: tuple[int, int], macros: Macros
) -> None:
    start, end, period_start, period_end = map(dt.date.fromisoformat, item)
    (covered,) = macros.coverage([(start, end, period_start, period_end)], "days_over_30")
    assert (covered.numerator, covered.denominator) == factor


@given(items=ITEMS)
@many
def test_the_coverage_class_says_how_an_item_lies_in_the_month(
    macros: Macros, items: list[tuple[dt.date, dt.date]]
) -> None:
    cases = [case for item in items for case in by_month(*item) if case[0] <= case[3] and case[1] >= case[2]]
    for case, covered in zip(cases, macros.coverage(cases), strict=True):
        assert covered.coverage_class == coverage_class(*case)


AMOUNTS = st.decimals(Decimal("-999999999999.9999995"), Decimal("999999999999.9999995"), places=12).filter(
    lambda amount: abs(amount) < Decimal("999999999999.9999995")
)
# Numerators and denominators as they occur, and ties: half a millionth away from a whole one.
RATIOS = st.lists(
    st.one_of(
        st.tuples(AMOUNTS, st.integers(0, 4000), st.integers(1, 4000)).map(lambda c: (c[0], min(c[1], c[2]), c[2])),
        st.tuples(st.integers(-(10**12), 10**12), st.sampled_from([1, 2, 3, 15, 30])).map(
            lambda c: (Decimal(2 * c[0] + 1).scaleb(-6) * c[1] / 2, 1, c[1])
        ),
    ),
    min_size=20,
    max_size=60,
)


@given(cases=RATIOS)
@many
def test_a_ratio_is_exact_and_rounded_once_half_away_from_zero(
    macros: Macros, cases: list[tuple[Decimal, int, int]]
) -> None:
    for (amount, numerator, denominator), found in zip(cases, macros.ratio(cases), strict=True):
        expected = round_half_away(Fraction(amount) * Fraction(numerator, denominator), 6)
        assert found == expected, (amount, numerator, denominator)


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "ratio"),
    [
        ("0.0000005", 1, 1, "0.000001"),
        ("-0.0000005", 1, 1, "-0.000001"),
        ("0.000000499999", 1, 1, "0"),
        ("0.000000999999", 1, 2, "0"),  # half a trillionth below the tie
        ("0.000001", 1, 2, "0.000001"),
        ("1", 1, 3, "0.333333"),
        ("-2", 1, 3, "-0.666667"),
        ("100", 0, 27, "0"),
        ("999999.9999995", 30, 30, "1000000"),
        ("-1000000.0000005", 30, 30, "-1000000.000001"),
        ("999999999999.999999", 30, 30, "999999999999.999999"),
        ("-999999999999.999999499999", 30, 30, "-999999999999.999999"),
    ],
)
def test_ratios_at_the_edges(amount: str, numerator: int, denominator: int, ratio: str, macros: Macros) -> None:
    assert macros.ratio([(Decimal(amount), numerator, denominator)]) == [Decimal(ratio)]
