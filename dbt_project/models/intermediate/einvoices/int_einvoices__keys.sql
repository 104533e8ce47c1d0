-- The reconciliation_key of every row (6.25). It rests on one side only, so a Missing row that pairs later keeps it.
with rows_in as (

    select * from {{ ref('int_einvoices__rows') }}

),

texts as (

    select
        rows_in.register_id,
        rows_in.einvoice_id,
        {{ sha256_hex("'einvoice|' || rows_in.register_type || '|register|' || " ~ pass_one_key() ~ " || '|' || coalesce(row_reference, '')") }}
            as row_key,
        content_key,
        source_file,
        source_row
    from rows_in
    inner join {{ ref('stg_erp__register_documents') }} as documents on rows_in.register_id = documents.register_id
    union all
    select
        rows_in.register_id,
        rows_in.einvoice_id,
        {{ sha256_hex("'einvoice|' || rows_in.register_type || '|einvoice|' || coalesce(uuid_key, " ~ pass_one_key() ~ ")") }}
            as row_key,
        content_key,
        source_file,
        source_row
    from rows_in
    inner join {{ ref('stg_myinvois__einvoices') }} as documents on rows_in.einvoice_id = documents.einvoice_id
    where rows_in.register_id is null

),

repeated as (

    select row_key from texts group by row_key having count(*) > 1

),

-- Rows that the rule cannot tell apart are numbered from the second on.
numbered as (

    select
        texts.*,
        row_number() over (partition by texts.row_key order by content_key, source_file, source_row) as occurrence
    from texts
    inner join repeated on texts.row_key = repeated.row_key

),

final as (

    select
        texts.register_id,
        texts.einvoice_id,
        case
            when coalesce(numbered.occurrence, 1) = 1 then texts.row_key
            else {{ sha256_hex("texts.row_key || '|' || cast(numbered.occurrence as varchar)") }}
        end as reconciliation_key
    from texts
    left join numbered
        on
            texts.row_key = numbered.row_key
            and texts.source_file = numbered.source_file
            and texts.source_row = numbered.source_row

)

select * from final
