-- Billed usage by its keys and meter texts as the files spell them: the one pass over the lines that the grid needs. What a
-- spelling means is worked out here, once for all lines that have it. Keys are grouped by with the meter first: Spark sorts, and
-- compares what differs soonest.
{% set keys = ['invoice_number', 'customer_id', 'entitlement_id', 'currency', 'meter_id'] -%}
{% set texts = ['meter_name', 'meter_category', 'meter_sub_category', 'meter_region'] -%}
with by_credit as (

    select
        billing_month,
        {{ keys | join(', ') }},
        {{ texts | join(', ') }},
        credit_type,
        credit_rate,
        min(customer_name) as customer_name,
        sum(quantity) as quantity,
        sum(billing_pre_tax_total) as amount,
        count(*) as line_count
    from {{ source('raw', 'azure_invoice_usage') }}
    where {{ in_target_months() }}
    group by {{ keys | reverse | join(', ') }}, {{ texts | join(', ') }}, credit_type, credit_rate, billing_month

),

-- What the few types and rates of credits mean is asked here, not of every line.
sums as (

    select
        billing_month,
        {% for key in keys %}{{ key }} as spelled_{{ key }}, {% endfor %}
        {{ texts | join(', ') }},
        min(customer_name) as customer_name,
        sum(quantity) as quantity,
        sum(amount) as amount,
        cast(sum(line_count) as bigint) as line_count,
        sum(case when {{ has_no_credit() }} then amount end) as uncredited_amount,
        max(case when not {{ has_no_credit() }} then {{ credit_rate() }} end) as credit_rate
    from by_credit
    group by {{ keys | reverse | join(', ') }}, {{ texts | join(', ') }}, billing_month

),

final as (

    select
        *,
        {{ usage_line_keys('spelled_') }}
    from sums

)

select * from final
