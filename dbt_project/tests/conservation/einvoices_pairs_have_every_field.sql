-- einvoice_field_differences shows every pair of einvoice_reconciliation once per field, and counts what it counts. Fields
-- that do not differ are counted only, as they are millions.
with counts as (

    select billing_month, sum(field_count) as field_count, sum(pair_count) as pair_count
    from (
        select billing_month, count(*) as field_count, 0 as pair_count
        from {{ ref('einvoice_field_differences') }}
        group by billing_month
        union all
        select billing_month, 0 as field_count, count(*) as pair_count
        from {{ ref('einvoice_reconciliation') }}
        where pass is not null
        group by billing_month
    ) as counted
    group by billing_month

),

shown as (

    select
        billing_month,
        reconciliation_key,
        count(case when kind = 'identifier' and not equal then 1 end) as n_id,
        count(case when kind = 'amount' and not equal then 1 end) as n_amt,
        max(abs(difference_myr)) as max_difference_myr
    from {{ ref('einvoice_field_differences') }}
    where not equal or difference_myr <> 0
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
    shown.n_id is distinct from pairs.n_id
    or shown.n_amt is distinct from pairs.n_amt
    or (pairs.reason is distinct from 'fx_missing' and coalesce(shown.max_difference_myr, 0) <> pairs.max_difference_myr)
union all
select billing_month, cast(null as string) as reconciliation_key from counts where field_count <> {{ compared_fields() | length }} * pair_count
