-- Pass 1: same supplier TIN, document number, document type and year of issue, and whether anything differs at all.
select
    r.register_id,
    e.einvoice_id,
    r.register_type,
    r.billing_month,
    {{ is_alike() }} as is_alike
from {{ ref('stg_erp__register_documents') }} as r
inner join {{ ref('stg_myinvois__einvoices') }} as e on {{ meets_key() }} and {{ in_window() }}
left join {{ ref('int_einvoices__consolidated') }} as in_groups on r.register_id = in_groups.register_id
left join (
    select distinct einvoice_id from {{ ref('int_einvoices__consolidated') }}
) as groups on e.einvoice_id = groups.einvoice_id
where
    e.participation = 'takes_part' and in_groups.register_id is null and groups.einvoice_id is null
    and {{ not_decided() }}
    and not exists (
        select 1 from {{ ref('int_einvoices__uuid_settled') }} as named where named.register_id = r.register_id
    )
    and not exists (
        select 1 from {{ ref('int_einvoices__uuid_settled') }} as named where named.einvoice_id = e.einvoice_id
    )
