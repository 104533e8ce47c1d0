-- E-invoices beside the settled ones, whether they take part or not; as int_einvoices__unsettled_registers.
with einvoice_rows as (

    select *
    from {{ ref('stg_myinvois__einvoice_rows') }} as loaded
    where not exists (
        select 1 from {{ ref('int_einvoices__settled') }} as settled where settled.einvoice_id = loaded.einvoice_id
    )

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

)

select documents.*, {{ participation('documents', 'superseded') }} as participation
from documents
left join {{ ref('stg_myinvois__superseded') }} as superseded on documents.einvoice_id = superseded.einvoice_id
