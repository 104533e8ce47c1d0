-- One row per month, comparison, invoice, subscription, currency and meter, both sides beside each other: grouping
-- the sides together is a full outer join in which null keys are equal.
{% set key = ['meter_id', 'azure_subscription_id', 'invoice_number', 'comparison', 'billing_month'] -%}
{% set of_key = 'partition by ' ~ key | join(', ') -%}
with usage_side as (

    select
        lines.billing_month,
        parties.comparison,
        parties.invoice_number,
        lines.azure_subscription_id,
        lines.currency,
        lines.meter_id,
        lines.quantity,
        lines.amount,
        lines.line_count,
        lines.uncredited_amount,
        lines.credit_rate,
        {{ stated('lines.meter_name') }} as meter_name,
        {{ stated('lines.meter_category') }} as meter_category,
        {{ stated('lines.meter_sub_category') }} as meter_subcategory,
        {{ stated('lines.meter_region') }} as meter_region
    from {{ ref('int_usage__usage_spellings') }} as lines
    inner join {{ ref('int_usage__parties') }} as parties
        on
            parties.side = 'usage'
            and lines.billing_month = parties.billing_month
            and lines.invoice_number = parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id

),

cost_side as (

    select * from {{ ref('int_usage__cost_classified') }}
    where selection <> 'out_of_scope'

),

sides as (

    {% set texts = ['meter_name', 'meter_category', 'meter_subcategory', 'meter_region'] -%}
    select
        billing_month, comparison, invoice_number, azure_subscription_id, currency, meter_id,
        quantity as usage_quantity, amount as usage_amount, line_count as usage_line_count,
        cast(0 as decimal(38, 12)) as cost_quantity, cast(0 as decimal(38, 12)) as cost_amount, 0 as cost_line_count,
        cast(0 as decimal(38, 12)) as rounding_adjustment_amount, cast(null as string) as price_basis,
        uncredited_amount, credit_rate,
        {% for text in texts %}{{ text }} as usage_{{ text }}, cast(null as string) as cost_{{ text }}{{ ', ' if not loop.last }}{% endfor %}
    from usage_side
    union all
    select
        billing_month, comparison, invoice_number, azure_subscription_id, currency, meter_id,
        0, 0, 0,
        case when selection = 'usage' then quantity else 0 end,
        case when selection = 'usage' then amount else 0 end,
        case when selection = 'usage' then line_count else 0 end,
        case when selection = 'rounding' then amount else 0 end,
        price_basis, null, null,
        {% for text in texts %}null, {{ text }}{{ ', ' if not loop.last }}{% endfor %}
    from cost_side

),

summed as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        meter_id,
        cast(sum(usage_quantity) as decimal(38, 12)) as usage_quantity,
        cast(sum(cost_quantity) as decimal(38, 12)) as cost_quantity,
        cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
        cast(sum(cost_amount) as decimal(38, 12)) as cost_amount,
        cast(sum(rounding_adjustment_amount) as decimal(38, 12)) as rounding_adjustment_amount,
        cast(sum(usage_line_count) as bigint) as usage_line_count,
        cast(sum(cost_line_count) as bigint) as cost_line_count,
        coalesce(max(price_basis), 'partner') as price_basis,
        coalesce({{ exact_product('sum(uncredited_amount)', 'max(credit_rate)') }}, 0) as lost_credit_amount,
        {% for text in texts %}coalesce(min(usage_{{ text }}), min(cost_{{ text }})) as {{ text }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ brought_together('sides', key) }}
    group by {{ key | join(', ') }}, currency

),

final as (

    select
        *,
        -- Lines and variations find their grid row by this number, within one build.
        {{ any_number() }} as grid_id,
        -- Lines that either side has of the same key in any currency; hardly a key has several.
        cast(sum(usage_line_count) over ({{ of_key }}) as bigint) as key_usage_line_count,
        cast(sum(cost_line_count) over ({{ of_key }}) as bigint) as key_cost_line_count
    from summed

)

select * from final
