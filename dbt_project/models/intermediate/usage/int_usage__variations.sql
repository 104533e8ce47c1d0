-- The individual variations behind the grid, the same lines by date and resource as well, with what judges and names them
-- of their grid row. On DuckDB a table in the order of the mart, which is a view of it: texts of the grid are numbers of
-- an enumeration, so that little is sorted and nothing has to be joined again; the order of grid rows is one number. On
-- Spark a view: only one mart reads it.
{{ config(
    materialized='table' if target.type == 'duckdb' else 'view',
    pre_hook="{{ enumerations_of([ref('int_usage__grid')], usage_grid_texts()) }}",
) }}
with lines as (

    {{ usage_variation_lines() }}

),

-- Counts and not sums of lines: there are as many groups as lines in a month, and what DuckDB keeps of each is an eighth less.
sums as (

    select
        grid_id,
        usage_date,
        resource_id,
        cast(sum(usage_quantity) as decimal(38, 12)) as usage_quantity,
        cast(sum(cost_quantity) as decimal(38, 12)) as cost_quantity,
        cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
        cast(sum(cost_amount) as decimal(38, 12)) as cost_amount,
        cast(sum(rounding_adjustment_amount) as decimal(38, 12)) as rounding_adjustment_amount,
        count(nullif(usage_line_count, 0)) as usage_line_count,
        count(nullif(cost_line_count, 0)) as cost_line_count,
        bool_or(is_retail = 1) as is_retail
    from lines
    group by grid_id, usage_date, resource_id

),

named as (

    select
        grid_id,
        billing_month,
        {% for column in usage_grid_texts() -%}
        {{ enumerated(column) }} as {{ column }},
        {% endfor -%}
        status = 'not_comparable' as is_not_comparable,
        grid_explanation,
        minor_unit,
        is_restated,
        has_rejected_records
    from {{ ref('int_usage__explained') }}

),

grid as (

    select
        *,
        {{ place_in_order(['billing_month', 'comparison', 'invoice_number', 'azure_subscription_id', 'currency', 'meter_id']) }}
            as place
    from named

)

select
    grid.billing_month,
    {% for column in usage_grid_texts() -%}
    grid.{{ column }},
    {% endfor -%}
    sums.usage_date,
    sums.resource_id,
    sums.usage_quantity,
    sums.cost_quantity,
    sums.usage_amount,
    sums.cost_amount,
    sums.rounding_adjustment_amount,
    sums.usage_line_count,
    sums.cost_line_count,
    sums.is_retail,
    grid.is_not_comparable,
    grid.grid_explanation,
    grid.minor_unit,
    grid.is_restated,
    grid.has_rejected_records,
    lacking.day is not null as is_lacking
from sums
inner join grid on sums.grid_id = grid.grid_id
left join {{ ref('int_usage__lacking_days') }} as lacking
    on cast(grid.comparison as string) = lacking.comparison and sums.usage_date = lacking.day
{{ in_order(['grid.place', 'sums.usage_date', 'sums.resource_id']) }}
