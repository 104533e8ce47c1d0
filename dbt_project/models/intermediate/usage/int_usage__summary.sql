{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- One row per month, status and currency, of the month's default comparison: several kinds of export hold the same
-- charges, so their sums are not added.
with verdicts as (

    select
        rows_in.*,
        {{ decided_step('rows_in') }} is not null as is_decided
    from {{ ref('usage_cost_reconciliation') }} as rows_in
    inner join {{ ref('int_usage__comparisons') }} as comparisons
        on rows_in.billing_month = comparisons.billing_month and rows_in.comparison = comparisons.comparison
    where comparisons.is_default

)

select
    billing_month,
    'usage' as reconciliation,
    status,
    currency,
    count(*) as row_count,
    sum(usage_amount) as left_amount,
    sum(cost_amount) as right_amount,
    sum(amount_variation) as difference,
    {{ open_and_decided('usage_amount', 'cost_amount') }}
from verdicts
group by billing_month, status, currency
