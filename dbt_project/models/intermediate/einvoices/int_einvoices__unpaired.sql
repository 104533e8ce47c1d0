-- One row per register row and e-invoice that takes part and is in no pair.
with paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

)

select
    'left' as side, register_id as document_id, register_type, billing_month, supplier_tin_key, document_number_key,
    document_type_key, year(document_date) as issue_year
from {{ ref('stg_erp__register_documents') }} as documents
where not exists (select 1 from paired where paired.side = 'left' and paired.document_id = documents.register_id)
union all
select
    'right' as side, einvoice_id as document_id, register_type, billing_month, supplier_tin_key, document_number_key,
    document_type_key, year(document_date) as issue_year
from {{ ref('stg_myinvois__einvoices') }} as documents
where
    participation = 'takes_part'
    and not exists (select 1 from paired where paired.side = 'right' and paired.document_id = documents.einvoice_id)
