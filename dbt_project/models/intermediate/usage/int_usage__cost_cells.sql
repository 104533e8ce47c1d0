-- The grid rows that cost lines belong to, by their keys as the files spell them; out of scope they belong to none.
{% set keys = ['invoice_id', 'customer_id', 'subscription_id', 'currency', 'meter_id'] -%}
select distinct
    spellings.billing_month,
    spellings.comparison,
    {% for key in keys %}spellings.spelled_{{ key }}, {% endfor %}
    spellings.charge_type as spelled_charge_type,
    spellings.commitment_discount_status as spelled_commitment_discount_status,
    spellings.azure_subscription_id,
    spellings.currency,
    spellings.scope,
    grid.grid_id
from {{ ref('int_usage__cost_spellings') }} as spellings
inner join {{ ref('int_usage__parties') }} as parties
    on
        parties.side = 'cost'
        and spellings.billing_month = parties.billing_month
        and spellings.comparison = parties.comparison
        and spellings.own_invoice_number is not distinct from parties.own_invoice_number
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
-- An adjustment belongs to a grid row that has usage lines on the cost side (rule 5).
where spellings.scope = 'usage' or (spellings.scope = 'rounding' and grid.cost_line_count > 0)
