-- Register documents beside the settled ones: few, so that what the passes ask of them is computed once and kept.
with register_rows as (

    select *
    from {{ ref('stg_erp__register_rows') }} as loaded
    where not exists (
        select 1 from {{ ref('int_einvoices__settled') }} as settled where settled.register_id = loaded.register_id
    )

)

{{ register_documents('register_rows') }}
