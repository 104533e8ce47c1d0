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
left join (select distinct register_id from {{ ref('int_einvoices__uuid_matches') }}) as named_registers
    on by_key.register_id = named_registers.register_id
left join (select distinct einvoice_id from {{ ref('int_einvoices__uuid_matches') }}) as named_einvoices
    on by_key.einvoice_id = named_einvoices.einvoice_id
where named_registers.register_id is null and named_einvoices.einvoice_id is null
