with raw_rows as (

    select
        billing_month,
        exchange_rate,
        uuid,
        uuid_key,
        coalesce(status_key, 'VALID') as status_key,
        status_key is null as is_status_assumed,
        case when source_file like 'einvoice/issued/%' then 'issued' else 'received' end as direction,
        validated_at,
        buyer_tin_key = 'EI00000000010' as is_consolidated,
        source_file,
        source_row,
        {{ einvoice_document_columns('coalesce(cast(issued_at + interval 8 hours as date), document_date)') }}
    from {{ source('raw', 'einvoices') }}

),

files as (

    {{ document_files('raw_rows') }}

),

documents as (

    select
        {{ document_id() }} as einvoice_id,
        raw_rows.*,
        -- Issued invoices and received self-billed ones are sales, the others purchases (6.7).
        case when (direction = 'issued') = (document_type_key < '11') then 'sales' else 'purchase' end as register_type,
        {{ content_key("coalesce(uuid_key, '') || '|' || status_key") }} as content_key
    from raw_rows
    inner join files on raw_rows.source_file = files.source_file

),

repeated as (

    select register_type, uuid_key
    from documents
    where uuid_key is not null
    group by register_type, uuid_key
    having count(*) > 1

),

-- Of the records of one uuid the strongest status takes part, then the latest (6.8).
ranked as (

    select
        documents.einvoice_id,
        row_number() over (
            partition by documents.register_type, documents.uuid_key
            order by
                case status_key when 'CANCELLED' then 1 when 'INVALID' then 2 when 'VALID' then 3 else 4 end,
                validated_at desc nulls last,
                content_key,
                einvoice_id
        ) as choice
    from documents
    inner join repeated
        on documents.register_type = repeated.register_type and documents.uuid_key = repeated.uuid_key

),

final as (

    select
        documents.*,
        case documents.register_type
            when 'sales' then documents.buyer_tin_key else documents.supplier_tin_key
        end as counterparty_tin_key,
        case
            when coalesce(ranked.choice, 1) > 1 then 'superseded'
            when status_key = 'CANCELLED' then 'cancelled'
            when status_key = 'INVALID' then 'invalid'
            when status_key = 'SUBMITTED' and direction = 'received' then 'submitted'
            else 'takes_part'
        end as participation
    from documents
    left join ranked on documents.einvoice_id = ranked.einvoice_id

)

select * from final
