-- reconciliation_summary holds every row of subscription_reconciliation once, and its amounts.
with summary as (

    select
        billing_month,
        sum(row_count) as row_count,
        sum(coalesce(left_amount, 0)) as left_amount,
        sum(coalesce(right_amount, 0)) as right_amount
    from {{ ref('reconciliation_summary') }}
    where reconciliation = 'subscriptions'
    group by billing_month

),

verdicts as (

    select
        billing_month,
        count(*) as row_count,
        sum(coalesce(bss_total_cost, 0)) as left_amount,
        sum(coalesce(ms_total_cost, 0)) as right_amount
    from {{ ref('subscription_reconciliation') }}
    group by billing_month

)

select
    billing_month,
    summary.row_count as summary_rows,
    verdicts.row_count as reconciled_rows
from summary
full outer join verdicts using (billing_month)
where
    coalesce(summary.row_count, 0) <> coalesce(verdicts.row_count, 0)
    or coalesce(summary.left_amount, 0) <> coalesce(verdicts.left_amount, 0)
    or coalesce(summary.right_amount, 0) <> coalesce(verdicts.right_amount, 0)
