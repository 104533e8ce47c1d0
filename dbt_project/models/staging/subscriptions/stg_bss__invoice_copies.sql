with copies as (

    select * from {{ source('raw', 'bss_invoice_copies') }}

),

-- The copy with the greatest updatedAt replaces the others whole (5.6); of equal ones the last in order of file.
ranked as (

    select
        invoice_id,
        source_file,
        invoice_ordinal,
        updated_at,
        row_number() over (
            partition by invoice_id
            order by updated_at desc nulls last, source_file desc, invoice_ordinal desc
        ) as copy_rank
    from copies

),

final as (

    select
        invoice_id,
        source_file,
        invoice_ordinal,
        updated_at,
        copy_rank = 1 as is_newest
    from ranked

)

select * from final
