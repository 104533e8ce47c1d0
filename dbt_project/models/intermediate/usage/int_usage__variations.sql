-- The individual variations behind the grid: the same lines by date and resource as well.
-- A view: there can be as many as there are lines, and only one mart reads them.
{{ config(materialized='view') }}
with lines as (

    {{ usage_variation_lines() }}

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
from lines
group by grid_id, usage_date, resource_id
