-- Billed usage by its keys, credit and texts as the files spell them: the one pass over the lines that the grid needs. What a
-- spelling means is worked out here, once for all lines that have it. The customer's name is a key too, as hardly a key has two:
-- where a text is an aggregate, Spark sorts to group.
{% set keys = ['invoice_number', 'customer_id', 'entitlement_id', 'currency', 'meter_id'] -%}
{% set texts = ['customer_name', 'meter_name', 'meter_category', 'meter_sub_category', 'meter_region'] -%}
with sums as (

    select
        billing_month,
        {% for key in keys %}{{ key }} as spelled_{{ key }}, {% endfor %}
        {{ texts | join(', ') }},
        credit_type,
        credit_rate as spelled_credit_rate,
        sum(quantity) as quantity,
        sum(billing_pre_tax_total) as amount,
        count(*) as line_count
    from {{ source('raw', 'azure_invoice_usage') }}
    where {{ in_target_months() }}
    group by {{ keys | reverse | join(', ') }}, {{ texts | join(', ') }}, credit_type, credit_rate, billing_month

),

final as (

    select
        billing_month,
        {% for key in keys %}spelled_{{ key }}, {% endfor %}
        {{ texts | join(', ') }},
        credit_type,
        spelled_credit_rate,
        quantity,
        amount,
        line_count,
        case when {{ has_no_credit() }} then amount end as uncredited_amount,
        case when not {{ has_no_credit() }} then {{ credit_rate('spelled_credit_rate') }} end as credit_rate,
        {{ usage_line_keys('spelled_') }}
    from sums

)

select * from final
