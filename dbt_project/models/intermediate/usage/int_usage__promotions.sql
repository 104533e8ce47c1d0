{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- What promotions took off each meter of an invoice: the aggregated usage's prices before and after them, in the billing
-- currency. A price is one per unit, so its difference is multiplied by the quantity.
with lines as (

    select
        billing_month,
        {{ usage_line_keys() }},
        quantity,
        partner_price - effective_unit_price as price_difference,
        coalesce(exchange_rate, 1) as exchange_rate
    from {{ source('raw', 'azure_usage_aggregated') }}
    where {{ in_target_months() }} and partner_price is not null and effective_unit_price is not null

)

select
    billing_month,
    invoice_number,
    azure_subscription_id,
    currency,
    meter_id,
    cast(sum({{ exact_product(exact_product('quantity', 'price_difference'), 'exchange_rate') }}) as decimal(38, 12))
        as promotion_amount
from lines
group by billing_month, invoice_number, azure_subscription_id, currency, meter_id
