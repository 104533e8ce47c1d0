-- The individual variations behind the grid: the same lines by date and resource as well, rounding adjustments included.
-- A view: there can be as many as there are lines, and only one mart reads them.
{{ config(materialized='view') }}
with sides as (

    select
        cells.grid_id, lines.usage_date, {{ usage_id('lines.resource_uri') }} as resource_id,
        lines.quantity as usage_quantity, lines.billing_pre_tax_total as usage_amount, 1 as usage_line_count,
        cast(0 as decimal(38, 12)) as cost_quantity, cast(0 as decimal(38, 12)) as cost_amount, 0 as cost_line_count,
        cast(0 as decimal(38, 12)) as rounding_adjustment_amount, 0 as is_retail
    from {{ source('raw', 'azure_invoice_usage') }} as lines
    inner join {{ ref('int_usage__usage_cells') }} as cells
        on
            lines.billing_month = cells.billing_month
            and {{ same_spelling('lines', 'cells', ['invoice_number', 'customer_id', 'entitlement_id', 'currency', 'meter_id']) }}
    where lines.{{ in_target_months() }}
    union all
    select
        cells.grid_id, lines.usage_date, {{ usage_id('lines.resource_id') }},
        0, 0, 0,
        case when cells.scope = 'usage' then lines.quantity else 0 end,
        case when cells.scope = 'usage' then lines.cost else 0 end,
        case when cells.scope = 'usage' then 1 else 0 end,
        case when cells.scope = 'rounding' then lines.cost else 0 end,
        case when lines.price_basis = 'retail' then 1 else 0 end
    from {{ source('raw', 'azure_cost_export') }} as lines
    inner join {{ ref('int_usage__cost_cells') }} as cells
        on
            lines.billing_month = cells.billing_month
            and lines.comparison = cells.comparison
            and {{ same_spelling('lines', 'cells', ['invoice_id', 'customer_id', 'subscription_id', 'currency', 'meter_id', 'charge_type', 'commitment_discount_status']) }}
    where lines.{{ in_target_months() }}

)

select
    grid_id,
    usage_date,
    resource_id,
    cast(sum(usage_quantity) as decimal(38, 12)) as usage_quantity,
    cast(sum(cost_quantity) as decimal(38, 12)) as cost_quantity,
    cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
    cast(sum(cost_amount) as decimal(38, 12)) as cost_amount,
    cast(sum(rounding_adjustment_amount) as decimal(38, 12)) as rounding_adjustment_amount,
    cast(sum(usage_line_count) as bigint) as usage_line_count,
    cast(sum(cost_line_count) as bigint) as cost_line_count,
    case when max(is_retail) = 1 then 'retail' else 'partner' end as price_basis
from sides
group by grid_id, usage_date, resource_id
