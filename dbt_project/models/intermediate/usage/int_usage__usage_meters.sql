-- Billed usage by what a grid row is made of, before invoices are decided.
select
    billing_month,
    invoice_number,
    customer_id,
    azure_subscription_id,
    currency,
    meter_id,
    sum(quantity) as quantity,
    sum(amount) as amount,
    cast(sum(line_count) as bigint) as line_count,
    min(nullif(trim(meter_name), '')) as meter_name,
    min(nullif(trim(meter_category), '')) as meter_category,
    min(nullif(trim(meter_sub_category), '')) as meter_subcategory,
    min(nullif(trim(meter_region), '')) as meter_region
from {{ ref('int_usage__usage_spellings') }}
group by billing_month, invoice_number, customer_id, azure_subscription_id, currency, meter_id
