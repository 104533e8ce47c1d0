"""The subscription reconciliation of days that are no month: SQL over the published items. spec/bridge.md, 7.

The period is cut at month ends. An item takes part in the part of each month for which it was selected and published,
covered for that part: its days up to the part's end less those up to its beginning, so parts add up to the month.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from recon_assets.currencies import minor_units
from recon_assets.errors import InputError
from recon_assets.months import add_months, first_day, last_day, month_of, month_range

MOST_MONTHS = 12
MACROS = """
    create or replace temp macro c30(d) as
        360 * year(d) + 30 * (month(d) - 1) + case when d = last_day(d) then 30 else least(day(d), 30) end;
    create or replace temp macro d30(a, b) as
        c30(b) - (360 * year(a) + 30 * (month(a) - 1) + least(day(a) - 1, 30));
    create or replace temp macro covered(a, b, item_start, item_end, method) as case
        when a > b then 0
        when method = 'days_over_30' and d30(item_start, item_end) <= 30 then least(date_diff('day', a, b) + 1, 30)
        when d30(item_start, item_end) = 0 then date_diff('day', a, b) + 1
        else d30(a, b)
    end;
    create or replace temp macro at_minor_unit(amount, unit) as case
        when unit = 1 then cast(round(amount, 0) as decimal(38, 3))
        when unit = 0.001 then cast(round(amount, 3) as decimal(38, 3))
        else cast(round(amount, 2) as decimal(38, 3))
    end;
"""
_ITEMS = """
with parts(month_start, part_start, part_end, is_whole) as (values {parts}),
units(currency, minor_unit) as (values {units}),
rows_of as (select * from marts.subscription_reconciliation where billing_month in (select month_start from parts)),
methods as (
    select billing_month, any_value(selection_method) as selection_method, any_value(coverage_method) as coverage_method
    from rows_of group by billing_month
),
items as (
    select
        items.*, parts.*, methods.* exclude (billing_month),
        coalesce(start_date, charge_start_date) as item_start, coalesce(end_date, charge_end_date) as item_end,
        cast(cost_sign * coalesce(total_cost, subtotal) * 1000000 as hugeint) as millionths
    from marts.subscription_reconciliation_items as items
    inner join parts on items.billing_month = parts.month_start
    inner join methods on items.billing_month = methods.billing_month
),
taking_part as (
    select * from items
    where is_whole or case
        when coverage_class = 'undated' then coalesce(invoice_date, source_month) between part_start and part_end
        when selection_method = 'touch'
            then item_start between part_start and part_end or item_end between part_start and part_end
        else item_start <= part_end and item_end >= part_start
    end
),
counted as (
    select *, case when not is_whole and numerator is not null then
        covered(greatest(item_start, month_start), least(item_end, part_end), item_start, item_end, coverage_method)
        - covered(
            greatest(item_start, month_start), least(item_end, cast(part_start - 1 as date)), item_start, item_end,
            coverage_method)
    end as part_numerator
    from taking_part
),
costs as (
    select *, case
        when part_numerator is null then period_cost
        else cast(sign(millionths) * ((2 * abs(millionths) * part_numerator + denominator) // (2 * denominator))
            as decimal(18, 0)) * cast(0.000001 as decimal(7, 6))
    end as part_cost
    from counted
)
"""
_VERDICTS = """
, cells as (
    select ms_subscription_id, side, currency, count(*) as item_count, sum(part_cost) as total_cost
    from costs group by ms_subscription_id, side, currency
),
sides as (
    select ms_subscription_id, side, cast(sum(item_count) as bigint) as item_count, count(*) as currency_count,
        min(currency) as currency, sum(total_cost) as total_cost
    from cells group by ms_subscription_id, side
),
rounded as (
    select sides.* exclude (total_cost),
        at_minor_unit(total_cost, coalesce(own.minor_unit, 0.01)) as total_cost
    from sides left join units as own using (currency)
),
one_currency as (
    select ms_subscription_id, min(currency) as currency
    from cells group by ms_subscription_id having min(currency) = max(currency)
),
currencies as (
    select ms_subscription_id, currency, 1 as currency_count from one_currency
    union all
    select ms_subscription_id, string_agg(distinct currency, '/' order by currency), count(distinct currency)
    from cells anti join one_currency using (ms_subscription_id) group by ms_subscription_id
),
tolerances as (select currency, max(tolerance) as tolerance from rows_of group by currency),
compared as (
    select
        ms_subscription_id, currencies.currency, coalesce(tolerances.tolerance, 1) as tolerance,
        coalesce(bss.item_count, 0) as bss_item_count, coalesce(ms.item_count, 0) as ms_item_count,
        case when bss.currency_count = 1 then bss.total_cost end as bss_total_cost,
        case when ms.currency_count = 1 then ms.total_cost end as ms_total_cost,
        case
            when bss.item_count is not null and ms.item_count is not null and currencies.currency_count > 1 then null
            when ms.item_count is null then bss_total_cost
            when bss.item_count is null then -ms_total_cost
            else bss_total_cost - ms_total_cost
        end as cost_difference
    from (select * from rounded where side = 'bss') as bss
    full outer join (select * from rounded where side = 'ms') as ms using (ms_subscription_id)
    inner join currencies using (ms_subscription_id)
    left join tolerances on currencies.currency = tolerances.currency
),
judged as (
    select *, case
        when ms_item_count = 0 then 'missing_in_ms'
        when bss_item_count = 0 then 'missing_in_bss'
        when cost_difference is null then 'not_comparable'
        when abs(cost_difference) <= tolerance then 'match'
        else 'discrepancy'
    end as status
    from compared
),
newest as (select ms_subscription_id, max(billing_month) as billing_month from rows_of group by ms_subscription_id),
described as (
    select ms_subscription_id, {described_columns}
    from rows_of inner join newest using (ms_subscription_id, billing_month)
)
select
    ms_subscription_id, {described_columns},
    currency, bss_total_cost, ms_total_cost, cost_difference, tolerance, status,
    case status when 'match' then 'green check mark' when 'discrepancy' then 'red X' else 'yellow exclamation mark' end
        as symbol,
    {explanation} as explanation, bss_item_count, ms_item_count
from judged left join described using (ms_subscription_id)
order by ms_subscription_id
"""
_DESCRIBED = (
    "csp_partner", "partner_name", "customer_name", "offer_type", "ms_product_type", "product_type", "account_id",
    "billing_account_id", "product",
)  # fmt: skip


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: dt.date
    last: dt.date

    @property
    def months(self) -> list[str]:
        return month_range(month_of(self.first), month_of(self.last))


def parse_period(first: str, last: str) -> Period:
    """Two days YYYY-MM-DD as a period; InputError when they are none, out of order, or more than 12 months apart."""
    days = []
    for text in (first, last):
        try:
            days.append(dt.date.fromisoformat(text))
        except ValueError as error:
            raise InputError(f"'{text}' is not a day. Write it as YYYY-MM-DD, for example 2025-03-10.") from error
    period = Period(*days)
    if period.last < period.first:
        raise InputError(f"The period ends on {last}, before it begins on {first}. Write the earlier day first.")
    if period.last > _last_day_of_a_year(period.first):
        raise InputError(f"A period has at most {MOST_MONTHS} months. Choose an earlier last day.")
    return period


def _last_day_of_a_year(first: dt.date) -> dt.date:
    return first_day(add_months(month_of(first), MOST_MONTHS)) + dt.timedelta(days=first.day - 2)


def period_sql(period: Period, published: Iterable[str]) -> str:
    """The query of a period over the published months that it meets, after `prepare`: one row per subscription.

    Its columns are those of subscription_reconciliation; the explanation is the month's, where the period is one.
    """
    explanation = "cast(null as varchar)"
    if len(period.months) == 1 and _part(period, period.months[0]).endswith("true)"):
        explanation = "(select explanation from rows_of where rows_of.ms_subscription_id = judged.ms_subscription_id)"
    verdicts = _VERDICTS.format(
        described_columns=", ".join(_DESCRIBED),
        explanation=explanation,
    )
    return _items(period, published) + verdicts


def period_items_sql(period: Period, published: Iterable[str]) -> str:
    """The items that take part in a period, each as often as it has parts: `part_start`, `part_end`, `part_cost`."""
    return _items(period, published) + "select * from costs"


def _items(period: Period, published: Iterable[str]) -> str:
    months = [month for month in period.months if month in set(published)]
    if not months:
        raise InputError(f"No month from {period.first} to {period.last} is published. Run `recon run` for it first.")
    return _ITEMS.format(
        parts=", ".join(_part(period, month) for month in months),
        units=", ".join(f"('{currency}', {unit:f})" for currency, unit in minor_units().items()),
    )


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Define what `period_sql` calls."""
    connection.execute(MACROS)


def _part(period: Period, month: str) -> str:
    first, last = max(period.first, first_day(month)), min(period.last, last_day(month))
    is_whole = (first, last) == (first_day(month), last_day(month))
    days = ", ".join(f"date '{day}'" for day in (first_day(month), first, last))
    return f"({days}, {'true' if is_whole else 'false'})"
