-- Amount variations by resource, summed over dates, of the subscriptions that have a difference: what a category move
-- is told by. Only these are looked at, so that a month that agrees costs nothing.
with suspects as (

    select distinct billing_month, azure_subscription_id, currency
    from {{ ref('int_usage__verdicts') }}
    where status not in ('matched', 'not_comparable')

),

{% for side in ['usage', 'cost'] -%}
{{ side }}_cells as (

    select cells.*
    from {{ ref('int_usage__' ~ side ~ '_cells') }} as cells
    inner join suspects
        on
            cells.billing_month = suspects.billing_month
            and cells.currency = suspects.currency
            and cells.azure_subscription_id is not distinct from suspects.azure_subscription_id
    {{ "where cells.scope = 'usage'" if side == 'cost' }}

),

{% endfor -%}
-- Lines without a subscription apart: a test for equality skips most of what is read.
{% for side, lines, subscription in [('usage', 'azure_invoice_usage', 'entitlement_id'), ('cost', 'azure_cost_export', 'subscription_id')] -%}
{{ side }}_lines as (

    select * from {{ source('raw', lines) }}
    where {{ in_target_months() }} and {{ subscription }} in (select spelled_{{ subscription }} from {{ side }}_cells)
    union all
    select * from {{ source('raw', lines) }}
    where
        {{ in_target_months() }}
        and {{ subscription }} is null
        and billing_month in (select billing_month from {{ side }}_cells where spelled_{{ subscription }} is null)

),

{% endfor -%}
amounts as (

    select cells.grid_id, lines.resource_uri as spelled_resource_id, -lines.billing_pre_tax_total as amount
    from usage_lines as lines
    inner join usage_cells as cells on {{ same_spelling('usage') }}
    union all
    select cells.grid_id, lines.resource_id, lines.cost
    from cost_lines as lines
    inner join cost_cells as cells on {{ same_spelling('cost') }}

),

sums as (

    select grid_id, spelled_resource_id, sum(amount) as amount
    from amounts
    group by grid_id, spelled_resource_id

),

resources as (

    select grid_id, {{ usage_id('spelled_resource_id') }} as resource_id, amount
    from sums

)

select
    grid_id,
    resource_id,
    cast(sum(amount) as decimal(38, 12)) as amount_variation
from resources
group by grid_id, resource_id
