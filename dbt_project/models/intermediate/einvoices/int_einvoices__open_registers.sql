-- Register documents that pass 1 leaves: few, so that what the later passes ask of them is computed once and kept.
with register_rows as (

    select *
    from {{ ref('stg_erp__register_rows') }} as loaded
    where
        not exists (
            select 1 from {{ ref('int_einvoices__key_pairs') }} as taken where taken.register_id = loaded.register_id
        )
        and not exists (
            select 1 from {{ ref('int_einvoices__consolidated') }} as taken where taken.register_id = loaded.register_id
        )

)

{{ register_documents('register_rows') }}
