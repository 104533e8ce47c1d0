-- einvoice_field_differences shows every pair of einvoice_reconciliation once per field, and counts what it counts.
with shown as (

    select
        billing_month,
        reconciliation_key,
        count(*) as field_count,
        count(case when kind = 'identifier' and not equal then 1 end) as n_id,
        count(case when kind = 'amount' and not equal then 1 end) as n_amt,
        max(abs(difference_myr)) as max_difference_myr
    from {{ ref('einvoice_field_differences') }}
    group by billing_month, reconciliation_key

),

pairs as (

    select * from {{ ref('einvoice_reconciliation') }}
    where pass is not null

)

select billing_month, reconciliation_key, shown.field_count
from shown
full outer join pairs using (billing_month, reconciliation_key)
where
    coalesce(shown.field_count, 0) <> 13
    or shown.n_id is distinct from pairs.n_id
    or shown.n_amt is distinct from pairs.n_amt
    or (pairs.reason is null and shown.max_difference_myr is distinct from pairs.max_difference_myr)
