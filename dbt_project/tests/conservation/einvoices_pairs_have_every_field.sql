-- einvoice_field_differences shows every pair of einvoice_reconciliation once per field, and counts what it counts. Of
-- settled pairs, which are millions, it shows constants, that nothing differs: those must have nothing to count.
with fields as (

    {{ einvoice_fields('pass is not null and are_equal is not null') }}

),

shown as (

    select
        billing_month,
        reconciliation_key,
        count(equal) as field_count,
        count(case when kind = 'identifier' and not equal then 1 end) as n_id,
        count(case when kind = 'amount' and not equal then 1 end) as n_amt,
        coalesce(max(abs(difference_myr)), 0) as max_difference_myr
    from fields
    group by billing_month, reconciliation_key

),

pairs as (

    select billing_month, reconciliation_key, n_id, n_amt, coalesce(max_difference_myr, 0) as max_difference_myr, reason
    from {{ ref('einvoice_reconciliation') }}
    where pass is not null and (n_id > 0 or n_amt > 0 or max_difference_myr <> 0)

)

select billing_month, reconciliation_key
from shown
full outer join pairs using (billing_month, reconciliation_key)
where
    coalesce(shown.field_count, 0) <> {{ compared_fields() | length }}
    or shown.n_id <> coalesce(pairs.n_id, 0)
    or shown.n_amt <> coalesce(pairs.n_amt, 0)
    or (pairs.reason is distinct from 'fx_missing' and shown.max_difference_myr <> coalesce(pairs.max_difference_myr, 0))
