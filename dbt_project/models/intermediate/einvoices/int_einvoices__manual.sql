-- Which documents people's decisions about pairs are about: the register row and the e-invoice are found again by their
-- number, supplier and reference or UUID, as they came. A decision whose document has gone is not here.
with decisions as (

    select * from {{ source('raw', 'decisions') }}
    where reconciliation = 'einvoices' and action in ('pair', 'unpair')

),

register_rows as (

    select
        decisions.decision_id,
        loaded.register_id,
        row_number() over (
            partition by decisions.decision_id order by loaded.source_file, loaded.source_row
        ) as choice
    from {{ ref('stg_erp__register_rows') }} as loaded
    inner join decisions
        on
            loaded.document_number = decisions.register_document_number
            and loaded.register_type = decisions.register_type
            and loaded.supplier_tin is not distinct from decisions.register_supplier_tin
            and loaded.row_reference is not distinct from decisions.register_row_reference

),

einvoice_rows as (

    select
        decisions.decision_id,
        loaded.*
    from {{ ref('stg_myinvois__einvoice_rows') }} as loaded
    inner join decisions
        on
            loaded.document_number = decisions.einvoice_document_number
            and loaded.register_type = decisions.register_type
            and loaded.uuid is not distinct from decisions.einvoice_uuid
            and loaded.supplier_tin is not distinct from decisions.einvoice_supplier_tin

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

),

-- What does not take part is in no pair (rule 8).
einvoices as (

    select
        documents.einvoice_id,
        row_number() over (
            partition by documents.register_type, documents.uuid_key, documents.document_number
            order by documents.source_file, documents.source_row
        ) as choice
    from (select distinct * from documents) as documents
    left join {{ ref('stg_myinvois__superseded') }} as superseded on documents.einvoice_id = superseded.einvoice_id
    where {{ participation('documents', 'superseded') }} = 'takes_part'

),

found as (

    select
        decisions.decision_id,
        decisions.reconciliation_key,
        decisions.action,
        register_rows.register_id,
        einvoice_rows.einvoice_id
    from decisions
    inner join register_rows on decisions.decision_id = register_rows.decision_id and register_rows.choice = 1
    inner join einvoice_rows on decisions.decision_id = einvoice_rows.decision_id
    inner join einvoices on einvoice_rows.einvoice_id = einvoices.einvoice_id and einvoices.choice = 1

),

-- Of two pairs about one document the later one holds. One row per decision that holds.
final as (

    select
        *,
        row_number() over (partition by action, register_id order by decision_id desc) as register_choice,
        row_number() over (partition by action, einvoice_id order by decision_id desc) as einvoice_choice
    from found

)

select decision_id, reconciliation_key, action, register_id, einvoice_id
from final
where action = 'unpair' or (register_choice = 1 and einvoice_choice = 1)
