-- Per side: rows in = paired (by row_count) + missing + out of selection + quarantined; the mart holds the first two.
with mart as (

    select
        billing_month,
        sum(case when register_source_file is not null then row_count else 0 end) as left_rows,
        sum(case when einvoice_source_file is not null then 1 else 0 end) as right_rows
    from {{ ref('einvoice_reconciliation') }}
    group by billing_month

)

select
    status.billing_month,
    status.left_rows_in,
    mart.left_rows,
    status.right_rows_in,
    mart.right_rows
from {{ ref('month_status') }} as status
left join mart on status.billing_month = mart.billing_month
where
    status.reconciliation = 'einvoices'
    and (
        status.left_rows_in <> coalesce(mart.left_rows, 0) + status.left_rows_out_of_selection + status.left_rows_quarantined
        or status.right_rows_in
        <> coalesce(mart.right_rows, 0) + status.right_rows_out_of_selection + status.right_rows_quarantined
        or status.left_rows_in is null
        or status.right_rows_in is null
    )
