-- Cast before they meet: of 38 digits with two places and with twelve DuckDB makes two places, and rounds.
with summaries as (

    {% for subject in var('subjects') -%}
        select
            billing_month,
            reconciliation,
            status,
            currency,
            row_count,
            open_row_count,
            decided_row_count,
            cast(left_amount as decimal(38, 12)) as left_amount,
            cast(right_amount as decimal(38, 12)) as right_amount,
            cast(difference as decimal(38, 12)) as difference,
            cast(open_left_amount as decimal(38, 12)) as open_left_amount,
            cast(open_right_amount as decimal(38, 12)) as open_right_amount,
            cast(decided_left_amount as decimal(38, 12)) as decided_left_amount,
            cast(decided_right_amount as decimal(38, 12)) as decided_right_amount
        from {{ ref('int_' ~ subject ~ '__summary') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

-- Each sum at the decimals of its currency; the difference is that of the two as they are shown, so that lines foot.
rounded as (

    select
        summaries.billing_month,
        summaries.reconciliation,
        summaries.status,
        summaries.currency,
        summaries.row_count,
        summaries.difference is not null as is_comparable,
        {{ at_minor_unit('summaries.left_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as left_amount,
        {{ at_minor_unit('summaries.right_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as right_amount,
        summaries.open_row_count,
        {{ at_minor_unit('summaries.open_left_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as open_left_amount,
        {{ at_minor_unit('summaries.open_right_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as open_right_amount,
        summaries.decided_row_count,
        {{ at_minor_unit('summaries.decided_left_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as decided_left_amount,
        {{ at_minor_unit('summaries.decided_right_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as decided_right_amount
    from summaries
    left join units as own on summaries.currency = own.currency
    left join units as other on other.currency = '*'

),

final as (

    select
        billing_month,
        reconciliation,
        {{ sha256_hex("'summary|' || reconciliation || '|' || " ~ month_text('billing_month') ~ " || '|' || status || '|' || coalesce(currency, '')") }}
            as reconciliation_key,
        status,
        cast(row_count as bigint) as row_count,
        left_amount,
        right_amount,
        cast(case
            when is_comparable and reconciliation = 'usage' then right_amount - left_amount
            when is_comparable then left_amount - right_amount
        end as decimal(38, 3)) as difference,
        currency,
        cast(open_row_count as bigint) as open_row_count,
        open_left_amount,
        open_right_amount,
        cast(decided_row_count as bigint) as decided_row_count,
        decided_left_amount,
        decided_right_amount,
        {{ publication_columns() }}
    from rounded

)

select * from final
