{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Why a register row has no counterpart: the status of an e-invoice that would have met it but does not take part (6.9).
with r as (

    select documents.*
    from {{ ref('int_einvoices__unsettled_registers') }} as documents
    inner join {{ ref('int_einvoices__unpaired') }} as unpaired on documents.register_id = unpaired.document_id

),

e as (

    select * from {{ ref('int_einvoices__unsettled_einvoices') }}
    where participation in ('cancelled', 'invalid', 'submitted')

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
    union all
    -- Metadata names the type in words, and the buyer often by another number than the TIN.
    select r.register_id, e.participation
    from r
    inner join e
        on
            r.register_type = e.register_type
            and {{ tells_status_alone('e') }}
            and r.supplier_tin_key = e.supplier_tin_key
            and r.document_number_key = e.document_number_key
            and {{ in_window() }}

)

-- The alphabet has the order of the rule: cancelled before invalid before submitted.
select register_id, min(participation) as reason from met group by register_id
