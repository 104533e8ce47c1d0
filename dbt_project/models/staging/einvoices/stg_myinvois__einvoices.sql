{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
-- One row per e-invoice, as it is compared, and whether it takes part.
with documents as (

    {{ einvoice_documents(ref('stg_myinvois__einvoice_rows')) }}

)

select
    documents.*,
    {{ participation('documents', 'superseded') }} as participation
from documents
left join {{ ref('stg_myinvois__superseded') }} as superseded on documents.einvoice_id = superseded.einvoice_id
