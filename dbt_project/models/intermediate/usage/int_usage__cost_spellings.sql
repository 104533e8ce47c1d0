-- Cost lines by their keys and meter texts as the files spell them: the one pass over the lines that the grid needs. What a
-- spelling means is worked out here, once for all lines that have it.
{% set keys = ['invoice_id', 'customer_id', 'subscription_id', 'currency', 'meter_id'] -%}
{% set kinds = ['comparison', 'export_id', 'charge_type', 'publisher_type', 'commitment_discount_status', 'price_basis'] -%}
{% set texts = ['customer_name', 'meter_name', 'meter_category', 'meter_sub_category', 'meter_region'] -%}
with sums as (

    select
        billing_month,
        {% for key in keys %}{{ key }} as spelled_{{ key }}, {% endfor %}
        {{ kinds | join(', ') }},
        {{ texts | join(', ') }},
        sum(quantity) as quantity,
        sum(cost) as amount,
        count(*) as line_count
    from {{ source('raw', 'azure_cost_export') }}
    where {{ in_target_months() }}
    group by {{ keys | reverse | join(', ') }}, {{ kinds | join(', ') }}, {{ texts | join(', ') }}, billing_month

),

final as (

    select
        {{ any_number() }} as spelling_id,
        *,
        {{ cost_line_keys('spelled_') }},
        {{ cost_scope() }} as scope
    from sums

)

select * from final
