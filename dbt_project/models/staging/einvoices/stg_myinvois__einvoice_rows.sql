-- One row per e-invoice as loaded, with its number. Issued invoices and received self-billed ones are sales, the others
-- purchases (6.7).
with numbered as (

    select
        files.file_number * 4294967296 + loaded.source_row as einvoice_id,
        case when loaded.source_file like 'einvoice/issued/%' then 'issued' else 'received' end as direction,
        coalesce(loaded.status_key, 'VALID') as status_key,
        loaded.status_key is null as is_status_assumed,
        coalesce(cast(loaded.issued_at + interval 8 hours as date), loaded.document_date) as issue_date,
        coalesce(loaded.version in ('1.2', '1.3'), false) as is_disclosed, -- the version alone decides (rule 29)
        {% for field in compared_fields() if field.form in ['tin', 'type', 'text'] -%}
        loaded.{{ field.name }},
        loaded.{{ field.name }}_key,
        {% endfor -%}
        {% for column in [
            'supplier_name', 'buyer_name', 'exchange_rate', 'uuid', 'uuid_key', 'validated_at', 'billing_month', 'source_file', 'source_row',
            'line_numbers',
        ] + einvoice_amounts() -%}
        loaded.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ source('raw', 'einvoices') }} as loaded
    inner join {{ ref('stg_einvoices__files') }} as files on loaded.source_file = files.source_file

),

final as (

    select
        numbered.*,
        case when (direction = 'issued') = (coalesce({{ type_key() }}, '01') < '11') then 'sales' else 'purchase' end as register_type
    from numbered

)

select * from final
