-- One row per month, status and currency, of the month's default comparison: several kinds of export hold the same
-- charges, so their sums are not added.
select
    billing_month,
    'usage' as reconciliation,
    status,
    currency,
    count(*) as row_count,
    sum(usage_amount) as left_amount,
    sum(cost_amount) as right_amount,
    sum(case when status <> 'not_comparable' then amount_variation end) as difference
from {{ ref('int_usage__verdicts') }}
where is_default
group by billing_month, status, currency
