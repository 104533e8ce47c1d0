-- Which register rows a consolidated e-invoice takes: each row goes to the earliest that bears its number (6.14).
with choices as (

    select
        r.register_id,
        e.einvoice_id,
        row_number() over (
            partition by r.register_id
            order by e.validated_at nulls last, e.uuid_key nulls last, e.content_key, e.einvoice_id
        ) as choice
    from {{ ref('stg_erp__register_documents') }} as r
    inner join {{ ref('stg_myinvois__einvoices') }} as e
        on
            r.register_type = e.register_type
            and r.consolidated_einvoice_number_key = e.document_number_key
            and {{ in_window() }}
    where e.participation = 'takes_part' and e.is_consolidated

),

-- One row per register row that is part of a group.
final as (

    select register_id, einvoice_id from choices where choice = 1

)

select * from final
