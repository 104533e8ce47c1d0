-- E-invoices that take part and that pass 1 leaves; as int_einvoices__open_registers.
with einvoice_rows as (

    select *
    from {{ ref('stg_myinvois__einvoice_rows') }} as loaded
    where
        not exists (
            select 1 from {{ ref('int_einvoices__key_pairs') }} as taken where taken.einvoice_id = loaded.einvoice_id
        )
        and not exists (
            select 1 from {{ ref('int_einvoices__consolidated') }} as taken where taken.einvoice_id = loaded.einvoice_id
        )

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

)

select documents.*
from documents
left join {{ ref('stg_myinvois__superseded') }} as superseded on documents.einvoice_id = superseded.einvoice_id
where {{ participation('documents', 'superseded') }} = 'takes_part'
