-- The grid rows that billed usage belongs to, by the keys of its lines as the files spell them: one per comparison.
{% set keys = ['invoice_number', 'customer_id', 'entitlement_id', 'currency', 'meter_id'] -%}
select distinct
    spellings.billing_month,
    {% for key in keys %}spellings.spelled_{{ key }}, {% endfor %}
    spellings.azure_subscription_id,
    spellings.currency,
    grid.grid_id
from {{ ref('int_usage__usage_spellings') }} as spellings
inner join {{ ref('int_usage__parties') }} as parties
    on
        parties.side = 'usage'
        and spellings.billing_month = parties.billing_month
        and spellings.invoice_number = parties.own_invoice_number
        and spellings.customer_id is not distinct from parties.customer_id
        and spellings.azure_subscription_id is not distinct from parties.azure_subscription_id
inner join {{ ref('int_usage__grid') }} as grid
    on
        spellings.billing_month = grid.billing_month
        and parties.comparison = grid.comparison
        and parties.invoice_number = grid.invoice_number
        and spellings.azure_subscription_id is not distinct from grid.azure_subscription_id
        and spellings.currency = grid.currency
        and spellings.meter_id is not distinct from grid.meter_id
