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

-- One row per register row; register_id is a number within the build, never an order.
final as (

    select
        row_number() over (order by source_file, source_row) as register_id,
        *,
        case register_type when 'sales' then buyer_tin_key else supplier_tin_key end as counterparty_tin_key,
        {{ add_days('billing_month', -31) }} as window_start,
        {{ add_days('last_day(billing_month)', 31) }} as window_end,
        {{ content_key("coalesce(row_reference, '') || '|' || coalesce(consolidated_einvoice_number_key, '')") }} as content_key
    from raw_rows

)

select * from final
