-- Why a register row has no counterpart: the status of an e-invoice that would have met it but does not take part (6.9).
with r as (

    select documents.*
    from {{ ref('int_einvoices__open_registers') }} as documents
    inner join {{ ref('int_einvoices__unpaired') }} as unpaired
        on unpaired.side = 'left' and documents.register_id = unpaired.document_id

),

einvoice_rows as (

    select * from {{ ref('stg_myinvois__einvoice_rows') }}
    where status_key in ('CANCELLED', 'INVALID', 'SUBMITTED')

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

),

e as (

    select documents.*, {{ participation('documents', 'superseded') }} as participation
    from documents
    left join {{ ref('stg_myinvois__superseded') }} as superseded on documents.einvoice_id = superseded.einvoice_id
    where {{ participation('documents', 'superseded') }} in ('cancelled', 'invalid', 'submitted')

),

met as (

    select r.register_id, e.participation from r inner join e on {{ meets_key() }} and {{ in_window() }}
    union all
    select r.register_id, e.participation from r inner join e on {{ meets_number() }} and {{ in_window() }}
    union all
    select r.register_id, e.participation
    from r
    inner join e
        on
            r.register_type = e.register_type
            and r.consolidated_einvoice_number_key = e.document_number_key
            and {{ in_window() }}

)

-- The alphabet has the order of the rule: cancelled before invalid before submitted.
select register_id, min(participation) as reason from met group by register_id
