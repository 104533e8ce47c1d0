-- Most documents: alike in everything and without a rival on either side. No later pass needs to look at them.
with by_key as (

    {{ alike_without_rivals(ref('int_einvoices__key_matches')) }}

)

select register_id, einvoice_id, register_type, billing_month, 'uuid' as pass
from {{ ref('int_einvoices__uuid_settled') }}
union all
-- What another document names by its UUID waits for that pass.
select by_key.register_id, by_key.einvoice_id, by_key.register_type, by_key.billing_month, 'key' as pass
from by_key
where
    not exists (
        select 1 from {{ ref('int_einvoices__uuid_matches') }} as named where named.register_id = by_key.register_id
    )
    and not exists (
        select 1 from {{ ref('int_einvoices__uuid_matches') }} as named where named.einvoice_id = by_key.einvoice_id
    )
