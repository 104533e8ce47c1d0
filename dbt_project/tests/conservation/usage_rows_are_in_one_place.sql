-- Every landed record is selected, out of scope or quarantined; what was loaded is what is classified.
with loaded as (

    select
        billing_month,
        sum(case when source = 'azure_invoice_usage' then rows + quarantined else 0 end) as left_rows,
        sum(case when source = 'azure_cost_export' then rows + quarantined else 0 end) as right_rows
    from {{ source('raw', 'loads') }}
    group by billing_month

)

select
    status.billing_month,
    status.left_rows_in,
    status.right_rows_in
from {{ ref('month_status') }} as status
left join loaded on status.billing_month = loaded.billing_month
where
    status.reconciliation = 'usage'
    and (
        status.left_rows_in <> status.left_rows_selected + status.left_rows_out_of_scope + status.left_rows_quarantined
        or status.right_rows_in <> status.right_rows_selected + status.right_rows_out_of_scope + status.right_rows_quarantined
        or status.left_rows_in <> coalesce(loaded.left_rows, 0)
        or status.right_rows_in <> coalesce(loaded.right_rows, 0)
    )
