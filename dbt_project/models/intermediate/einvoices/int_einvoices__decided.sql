-- Rows about which people decided, by the document that names the row, with their decision: few, so that of millions
-- of documents no key is computed for it.
with decisions as (

    {{ shown_decisions('einvoices') }}

),

register_rows as (

    select * from {{ ref('stg_erp__register_rows') }}
    where document_number in (select register_document_number from decisions)

),

registers as (

    {{ register_documents('register_rows') }}

),

einvoice_rows as (

    select * from {{ ref('stg_myinvois__einvoice_rows') }}
    where document_number in (select einvoice_document_number from decisions)

),

einvoices as (

    {{ einvoice_documents('einvoice_rows') }}

),

keys as (

    select registers.register_id as row_id, {{ register_row_key('registers') }} as row_key from registers
    union all
    select einvoices.einvoice_id as row_id, {{ einvoice_row_key('einvoices') }} as row_key from einvoices

),

final as (

    select
        keys.row_id,
        decisions.*
    from keys
    left join {{ ref('int_einvoices__repeated_keys') }} as repeated on keys.row_id = repeated.row_id
    inner join decisions on coalesce(repeated.reconciliation_key, keys.row_key) = decisions.reconciliation_key

)

select * from final
