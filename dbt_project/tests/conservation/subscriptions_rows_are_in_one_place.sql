-- Every record in reach of a month is selected, out of selection, out of scope or quarantined: counts add up per side,
-- and what was selected is what readers find among the items.
with items as (

    select
        billing_month,
        count(case when side = 'bss' then 1 end) as bss_items,
        count(case when side = 'ms' then 1 end) as ms_items
    from {{ ref('subscription_reconciliation_items') }}
    group by billing_month

),

months as (

    select * from {{ ref('month_status') }}
    where reconciliation = 'subscriptions'

)

select
    months.billing_month,
    months.left_rows_in,
    months.right_rows_in,
    items.bss_items,
    items.ms_items
from months
left join items on months.billing_month = items.billing_month
where
    months.left_rows_in
    <> months.left_rows_selected + months.left_rows_out_of_selection
    + months.left_rows_out_of_scope + months.left_rows_quarantined
    or months.right_rows_in
    <> months.right_rows_selected + months.right_rows_out_of_selection
    + months.right_rows_out_of_scope + months.right_rows_quarantined
    or months.left_rows_in is null
    or months.right_rows_in is null
    or months.left_rows_selected <> coalesce(items.bss_items, 0)
    or months.right_rows_selected <> coalesce(items.ms_items, 0)
