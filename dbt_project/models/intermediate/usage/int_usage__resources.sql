-- Amount variations by resource, summed over dates, of the subscriptions that have a difference: what a category move
-- is told by. Only these are looked at, so that a month that agrees costs nothing.
with suspects as (

    select distinct billing_month, azure_subscription_id, currency
    from {{ ref('int_usage__verdicts') }}
    where status not in ('matched', 'not_comparable')

),

usage_lines as (

    select lines.*
    from {{ ref('stg_azure__usage_lines') }} as lines
    inner join suspects
        on
            lines.billing_month = suspects.billing_month
            and lines.currency = suspects.currency
            and lines.azure_subscription_id is not distinct from suspects.azure_subscription_id

),

cost_lines as (

    select lines.*
    from {{ ref('stg_azure__cost_lines') }} as lines
    inner join suspects
        on
            lines.billing_month = suspects.billing_month
            and lines.currency = suspects.currency
            and lines.azure_subscription_id is not distinct from suspects.azure_subscription_id
    where lines.scope = 'usage'

),

usage_sums as (

    select billing_month, invoice_number, customer_id, azure_subscription_id, currency, meter_id, resource_id, sum(amount) as amount
    from usage_lines
    group by billing_month, invoice_number, customer_id, azure_subscription_id, currency, meter_id, resource_id

),

cost_sums as (

    select
        billing_month, comparison, own_invoice_number, customer_id, azure_subscription_id, currency, meter_id, resource_id,
        sum(amount) as amount
    from cost_lines
    group by
        billing_month, comparison, own_invoice_number, customer_id, azure_subscription_id, currency, meter_id, resource_id

),

sides as (

    select
        parties.billing_month, parties.comparison, parties.invoice_number, sums.azure_subscription_id, sums.currency,
        sums.meter_id, sums.resource_id, -sums.amount as amount
    from usage_sums as sums
    inner join {{ ref('int_usage__parties') }} as parties
        on
            parties.side = 'usage'
            and sums.billing_month = parties.billing_month
            and sums.invoice_number = parties.own_invoice_number
            and sums.customer_id is not distinct from parties.customer_id
            and sums.azure_subscription_id is not distinct from parties.azure_subscription_id
    union all
    select
        parties.billing_month, parties.comparison, parties.invoice_number, sums.azure_subscription_id, sums.currency,
        sums.meter_id, sums.resource_id, sums.amount
    from cost_sums as sums
    inner join {{ ref('int_usage__parties') }} as parties
        on
            parties.side = 'cost'
            and sums.billing_month = parties.billing_month
            and sums.comparison = parties.comparison
            and sums.own_invoice_number is not distinct from parties.own_invoice_number
            and sums.customer_id is not distinct from parties.customer_id
            and sums.azure_subscription_id is not distinct from parties.azure_subscription_id

)

select
    billing_month,
    comparison,
    invoice_number,
    azure_subscription_id,
    currency,
    meter_id,
    resource_id,
    cast(sum(amount) as decimal(38, 12)) as amount_variation
from sides
group by billing_month, comparison, invoice_number, azure_subscription_id, currency, meter_id, resource_id
