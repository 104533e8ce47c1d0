-- Pass uuid before anything is compared: the register names the e-invoice (rule 27). Few or all rows have a UUID; those
-- without are left out before anything is computed of them.
with register_rows as (

    select * from {{ ref('stg_erp__register_rows') }}
    where einvoice_uuid_key is not null

),

r as (

    {{ register_documents('register_rows') }}

),

einvoice_rows as (

    select * from {{ ref('stg_myinvois__einvoice_rows') }}
    where uuid_key in (select einvoice_uuid_key from register_rows)

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

),

e as (

    {{ taking_part('documents') }}

)

select
    r.register_id,
    e.einvoice_id,
    r.register_type,
    r.billing_month,
    {{ is_alike() }} as is_alike
from r
inner join e on r.register_type = e.register_type and r.einvoice_uuid_key = e.uuid_key and {{ in_window() }}
left join {{ ref('int_einvoices__consolidated') }} as in_groups on r.register_id = in_groups.register_id
left join (
    select distinct einvoice_id from {{ ref('int_einvoices__consolidated') }}
) as groups on e.einvoice_id = groups.einvoice_id
where in_groups.register_id is null and groups.einvoice_id is null and {{ not_decided() }}
