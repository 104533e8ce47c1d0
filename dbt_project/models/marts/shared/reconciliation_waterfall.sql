{#- Usage has a bridge of its own, which begins at the invoice: invoice_bridge. -#}
{%- set subjects = var('subjects') | reject('equalto', 'usage') | list -%}
with lines as (

    {% for subject in subjects -%}
        select
            '{{ subject }}' as reconciliation,
            lines_{{ loop.index }}.*
        from {{ ref('int_' ~ subject ~ '__waterfall') }} as lines_{{ loop.index }}
        {% if not loop.last %}union all{% endif %}
    {% else -%}
        select
            cast(null as string) as reconciliation,
            cast(null as date) as billing_month,
            cast(null as string) as row_id,
            cast(null as string) as register_type,
            cast(null as string) as currency,
            cast(null as integer) as position,
            cast(null as string) as step,
            cast(null as decimal(38, 3)) as left_amount,
            cast(null as decimal(38, 3)) as right_amount
        where false
    {% endfor %}

),

-- Each side of what cannot be compared is a step by itself; all other steps are right - left.
stepped as (

    select
        billing_month, reconciliation, register_type, currency, position, step, right_amount - left_amount as amount
    from lines
    where step <> 'not_comparable'
    union all
    select billing_month, reconciliation, register_type, currency, position, 'not_comparable_left', -left_amount
    from lines
    where step = 'not_comparable' and left_amount <> 0
    union all
    select billing_month, reconciliation, register_type, currency, position + 10, 'not_comparable_right', right_amount
    from lines
    where step = 'not_comparable' and right_amount <> 0

),

statement as (

    select
        billing_month, reconciliation, register_type, currency, 10 as position, 'total' as row_kind, 'left_total' as step,
        count(*) as row_count, sum(left_amount) as amount
    from lines
    group by billing_month, reconciliation, register_type, currency
    union all
    select
        billing_month, reconciliation, register_type, currency, position, 'step', step,
        count(*), sum(amount)
    from stepped
    group by billing_month, reconciliation, register_type, currency, position, step
    union all
    select
        billing_month, reconciliation, register_type, currency, 90, 'total', 'right_total',
        count(*), sum(right_amount)
    from lines
    group by billing_month, reconciliation, register_type, currency

),

final as (

    select
        billing_month,
        reconciliation,
        register_type,
        currency,
        cast(position as integer) as position,
        step,
        {{ sha256_hex("'waterfall|' || reconciliation || '|' || " ~ month_text('billing_month') ~ " || '|' || coalesce(register_type, '') || '|' || currency || '|' || step") }}
            as reconciliation_key,
        row_kind,
        cast(amount as decimal(38, 3)) as amount,
        cast(row_count as bigint) as row_count,
        {{ publication_columns() }}
    from statement

)

select * from final
