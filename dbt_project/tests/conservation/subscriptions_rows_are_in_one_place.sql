-- Every record in reach of a month is selected, out of selection, out of scope or quarantined: counts add up per side.
select
    billing_month,
    left_rows_in,
    right_rows_in
from {{ ref('month_status') }}
where
    reconciliation = 'subscriptions'
    and (
        left_rows_in <> left_rows_selected + left_rows_out_of_selection + left_rows_out_of_scope + left_rows_quarantined
        or right_rows_in
        <> right_rows_selected + right_rows_out_of_selection + right_rows_out_of_scope + right_rows_quarantined
        or left_rows_in is null
        or right_rows_in is null
    )
