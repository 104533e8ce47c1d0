-- Rows whose reconciliation_key the rule cannot tell apart (6.25), and the keys that do: numbered from the second on.
-- Each key rests on one side only, so a Missing row that pairs later keeps it.
with repeated_rows as (

    select {{ fingerprint("document_number_key || '|' || coalesce(row_reference, '')") }} as fingerprint
    from {{ ref('stg_erp__register_rows') }}
    group by 1
    having count(*) > 1

),

register_rows as (

    select loaded.*
    from {{ ref('stg_erp__register_rows') }} as loaded
    inner join repeated_rows
        on {{ fingerprint("loaded.document_number_key || '|' || coalesce(loaded.row_reference, '')") }} = repeated_rows.fingerprint
    -- The rows of a group are one, or one a month.
    where not exists (
        select 1
        from {{ ref('int_einvoices__group_members') }} as grouped
        where
            grouped.register_id = loaded.register_id
            and not exists (
                select 1 from {{ ref('int_einvoices__groups') }} as groups where groups.group_id = grouped.register_id
            )
            and not exists (
                select 1 from {{ ref('int_einvoices__group_shares') }} as shares where shares.register_id = grouped.register_id
            )
    )

),

registers as (

    {{ register_documents('register_rows') }}

),

alone as (

    select einvoice_id from {{ ref('int_einvoices__missing') }} where einvoice_id is not null

),

einvoices as (

    {{ picked_einvoices('alone') }}

),

texts as (

    select
        register_id as row_id,
        {{ register_row_key('registers') }} as row_key,
        {{ register_content('registers') }} as content,
        source_file,
        source_row
    from registers
    union all
    select
        einvoice_id as row_id,
        {{ einvoice_row_key('einvoices') }} as row_key,
        {{ einvoice_content('einvoices') }} as content,
        source_file,
        source_row
    from einvoices

),

numbered as (

    select
        row_id,
        row_key,
        row_number() over (partition by row_key order by content, source_file, source_row) as occurrence
    from texts

)

select row_id, {{ sha256_hex("row_key || '|' || cast(occurrence as string)") }} as reconciliation_key
from numbered
where occurrence > 1
