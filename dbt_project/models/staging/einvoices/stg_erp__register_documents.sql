with raw_rows as (

    {% for kind in ['sales', 'purchase'] -%}
    select
        '{{ kind }}' as register_type,
        billing_month,
        exchange_rate,
        consolidated_einvoice_number_key,
        row_reference,
        source_file,
        source_row,
        {{ einvoice_document_columns('document_date') }}
    from {{ source('raw', 'erp_' ~ kind ~ '_register') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

files as (

    {{ document_files('raw_rows') }}

),

-- One row per register row.
final as (

    select
        {{ document_id() }} as register_id,
        raw_rows.*,
        case register_type when 'sales' then buyer_tin_key else supplier_tin_key end as counterparty_tin_key,
        {{ add_days('billing_month', -31) }} as window_start,
        {{ add_days('last_day(billing_month)', 31) }} as window_end,
        {{ content_key("coalesce(row_reference, '') || '|' || coalesce(consolidated_einvoice_number_key, '')") }} as content_key
    from raw_rows
    inner join files on raw_rows.source_file = files.source_file

)

select * from final
