-- Ages count to the end of the month, those of the opening to the end of the month before.
{% set steps = [
    ('opening', 1, "items.opened_month < periods.billing_month and (items.ended_month is null or items.ended_month >= periods.billing_month)"),
    ('new', 2, "items.opened_month = periods.billing_month"),
    ('paired_late', 3, "items.ended_by = 'paired_late' and items.ended_month = periods.billing_month"),
    ('decided', 4, "items.ended_by = 'decided' and items.ended_month = periods.billing_month"),
    ('written_off', 5, "items.ended_by = 'written_off' and items.ended_month = periods.billing_month"),
    ('closing', 6, "items.opened_month <= periods.billing_month and (items.ended_month is null or items.ended_month > periods.billing_month)"),
] -%}
with placed as (

    {% for step, position, condition in steps -%}
    select
        periods.billing_month,
        items.register_type,
        items.currency,
        {{ position }} as position,
        '{{ step }}' as step,
        {% set last_day = add_days('periods.billing_month', -1) if step == 'opening' else 'last_day(periods.billing_month)' -%}
        {{ days_inclusive('items.document_date', last_day) }} - 1 as age,
        items.amount
    from {{ ref('int_einvoices__periods') }} as periods
    cross join {{ ref('int_einvoices__open_items') }} as items
    where {{ condition }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

classed as (

    select
        *,
        case when age <= 30 then '0-30' when age <= 60 then '31-60' when age <= 90 then '61-90' else 'over 90' end as age_class
    from placed

)

select
    billing_month,
    {{ sha256_hex("'open items|' || register_type || '|' || currency || '|' || step || '|' || age_class") }} as reconciliation_key,
    register_type,
    currency,
    position,
    step,
    age_class,
    count(*) as row_count,
    cast(sum(amount) as decimal(18, 2)) as amount,
    {{ publication_columns() }}
from classed
group by billing_month, register_type, currency, position, step, age_class
