-- One row per month, side, selection and currency. Cost selections name their comparison: each kind of export counts
-- the month's charges once more.
with totals as (

    select
        billing_month,
        'left' as side,
        'selected' as selection,
        currency,
        sum(line_count) as row_count,
        sum(amount) as amount
    from {{ ref('int_usage__usage_spellings') }}
    group by billing_month, currency
    union all
    select
        billing_month,
        'right',
        comparison || ' ' || selection,
        currency,
        sum(line_count),
        sum(amount)
    from {{ ref('int_usage__cost_classified') }}
    group by billing_month, comparison, selection, currency

)

select
    billing_month,
    side,
    selection,
    currency,
    row_count,
    amount,
    cast(null as decimal(38, 12)) as period_amount
from totals
