with summaries as (

    {% for subject in var('subjects') -%}
        select * from {{ ref('int_' ~ subject ~ '__summary') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        billing_month,
        reconciliation,
        {{ sha256_hex("'summary|' || reconciliation || '|' || " ~ month_text('billing_month') ~ " || '|' || status || '|' || coalesce(currency, '')") }}
            as reconciliation_key,
        status,
        cast(row_count as bigint) as row_count,
        cast(left_amount as decimal(18, 2)) as left_amount,
        cast(right_amount as decimal(18, 2)) as right_amount,
        cast(difference as decimal(18, 2)) as difference,
        currency,
        {{ publication_columns() }}
    from summaries

)

select * from final
