-- The individual variations behind the grid: the same lines by date and resource as well, rounding adjustments included.
with parties as (

    select * from {{ ref('int_usage__parties') }}

),

roundings as (

    select distinct billing_month, comparison, own_invoice_number, customer_id, azure_subscription_id, currency, meter_id
    from {{ ref('int_usage__cost_classified') }}
    where selection = 'rounding'

),

usage_side as (

    select
        lines.billing_month, parties.comparison, parties.invoice_number, lines.azure_subscription_id, lines.currency,
        lines.meter_id, lines.usage_date, lines.resource_id,
        lines.quantity as usage_quantity, lines.amount as usage_amount, 1 as usage_line_count,
        cast(0 as decimal(38, 12)) as cost_quantity, cast(0 as decimal(38, 12)) as cost_amount, 0 as cost_line_count,
        cast(0 as decimal(38, 12)) as rounding_adjustment_amount, cast(null as varchar) as price_basis
    from {{ ref('stg_azure__usage_lines') }} as lines
    inner join parties
        on
            parties.side = 'usage'
            and lines.billing_month = parties.billing_month
            and lines.invoice_number = parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id

),

cost_side as (

    select
        lines.billing_month, lines.comparison, parties.invoice_number, lines.azure_subscription_id, lines.currency,
        lines.meter_id, lines.usage_date, lines.resource_id,
        cast(0 as decimal(38, 12)), cast(0 as decimal(38, 12)), 0,
        lines.quantity, lines.amount, 1,
        cast(0 as decimal(38, 12)), lines.price_basis
    from {{ ref('stg_azure__cost_lines') }} as lines
    inner join parties
        on
            parties.side = 'cost'
            and lines.billing_month = parties.billing_month
            and lines.comparison = parties.comparison
            and lines.own_invoice_number is not distinct from parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id
    where lines.scope = 'usage'

),

rounding_side as (

    select
        lines.billing_month, lines.comparison, parties.invoice_number, lines.azure_subscription_id, lines.currency,
        lines.meter_id, lines.usage_date, lines.resource_id,
        cast(0 as decimal(38, 12)), cast(0 as decimal(38, 12)), 0,
        cast(0 as decimal(38, 12)), cast(0 as decimal(38, 12)), 0,
        lines.amount, lines.price_basis
    from {{ ref('stg_azure__cost_lines') }} as lines
    inner join roundings
        on
            lines.billing_month = roundings.billing_month
            and lines.comparison = roundings.comparison
            and lines.own_invoice_number is not distinct from roundings.own_invoice_number
            and lines.customer_id is not distinct from roundings.customer_id
            and lines.azure_subscription_id is not distinct from roundings.azure_subscription_id
            and lines.currency = roundings.currency
            and lines.meter_id is not distinct from roundings.meter_id
    inner join parties
        on
            parties.side = 'cost'
            and lines.billing_month = parties.billing_month
            and lines.comparison = parties.comparison
            and lines.own_invoice_number is not distinct from parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id
    where lines.scope = 'rounding'

),

sides as (

    select * from usage_side
    union all
    select * from cost_side
    union all
    select * from rounding_side

)

select
    billing_month,
    comparison,
    invoice_number,
    azure_subscription_id,
    currency,
    meter_id,
    usage_date,
    resource_id,
    cast(sum(usage_quantity) as decimal(38, 12)) as usage_quantity,
    cast(sum(cost_quantity) as decimal(38, 12)) as cost_quantity,
    cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
    cast(sum(cost_amount) as decimal(38, 12)) as cost_amount,
    cast(sum(rounding_adjustment_amount) as decimal(38, 12)) as rounding_adjustment_amount,
    cast(sum(usage_line_count) as bigint) as usage_line_count,
    cast(sum(cost_line_count) as bigint) as cost_line_count,
    coalesce(max(price_basis), 'partner') as price_basis
from sides
group by
    billing_month, comparison, invoice_number, azure_subscription_id, currency, meter_id, usage_date, resource_id
