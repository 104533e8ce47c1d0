-- Pass 1: same supplier TIN, document number, document type and year of issue, and whether anything differs at all.
with taken as (

    select register_id, einvoice_id from {{ ref('int_einvoices__consolidated') }}
    union all
    select register_id, einvoice_id from {{ ref('int_einvoices__uuid_settled') }}
    union all
    select register_id, einvoice_id from {{ ref('int_einvoices__manual') }} where action = 'pair'

)

-- Few are taken or parted, so they are joined: to tell what does not exist DuckDB first seeks the distinct ids of all.
select
    r.register_id,
    e.einvoice_id,
    r.register_type,
    r.billing_month,
    {{ is_alike() }} as is_alike
from {{ ref('stg_erp__register_documents') }} as r
inner join {{ ref('stg_myinvois__einvoices') }} as e on {{ meets_key() }} and {{ in_window() }}
left join (select distinct register_id from taken) as taken_registers on r.register_id = taken_registers.register_id
left join (select distinct einvoice_id from taken) as taken_einvoices on e.einvoice_id = taken_einvoices.einvoice_id
left join {{ ref('int_einvoices__manual') }} as parted
    on parted.action = 'unpair' and r.register_id = parted.register_id and e.einvoice_id = parted.einvoice_id
where
    e.participation = 'takes_part' and taken_registers.register_id is null and taken_einvoices.einvoice_id is null
    and parted.register_id is null
