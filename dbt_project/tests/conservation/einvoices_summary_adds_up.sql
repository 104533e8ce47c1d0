-- reconciliation_summary holds every row of einvoice_reconciliation once, and its values.
with summary as (

    select
        billing_month,
        sum(row_count) as row_count,
        sum(left_amount) as left_amount,
        sum(right_amount) as right_amount
    from {{ ref('reconciliation_summary') }}
    where reconciliation = 'einvoices'
    group by billing_month

),

mart as (

    select
        billing_month,
        count(*) as row_count,
        sum(coalesce(register_total_including_tax, 0)) as left_amount,
        sum(coalesce(einvoice_total_including_tax, 0)) as right_amount
    from {{ ref('einvoice_reconciliation') }}
    group by billing_month

)

select billing_month, summary.row_count as summary_rows, mart.row_count as reconciled_rows
from summary
full outer join mart using (billing_month)
where
    coalesce(summary.row_count, 0) <> coalesce(mart.row_count, 0)
    or coalesce(summary.left_amount, 0) <> coalesce(mart.left_amount, 0)
    or coalesce(summary.right_amount, 0) <> coalesce(mart.right_amount, 0)
