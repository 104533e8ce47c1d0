-- Cost lines by what a grid or out-of-scope row is made of, before invoices are decided.
select
    billing_month,
    comparison,
    export_id,
    own_invoice_number,
    customer_id,
    azure_subscription_id,
    currency,
    meter_id,
    scope,
    charge_type,
    publisher_type,
    price_basis,
    sum(quantity) as quantity,
    sum(amount) as amount,
    cast(sum(line_count) as bigint) as line_count,
    min(nullif(trim(meter_name), '')) as meter_name,
    min(nullif(trim(meter_category), '')) as meter_category,
    min(nullif(trim(meter_sub_category), '')) as meter_subcategory,
    min(nullif(trim(meter_region), '')) as meter_region
from {{ ref('int_usage__cost_spellings') }}
group by
    billing_month, comparison, export_id, own_invoice_number, customer_id, azure_subscription_id, currency, meter_id, scope,
    charge_type, publisher_type, price_basis
