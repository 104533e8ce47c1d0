{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Grid rows whose whole variation lies on days that the newest run of an export lacks: the other days agree (5).
with lacking as (

    select * from {{ ref('int_usage__lacking_days') }}

),

concerned as (

    select verdicts.grid_id, verdicts.comparison, verdicts.minor_unit
    from {{ ref('int_usage__verdicts') }} as verdicts
    inner join (select distinct billing_month, comparison from lacking) as months
        on verdicts.billing_month = months.billing_month and verdicts.comparison = months.comparison
    where verdicts.status not in ('matched', 'not_comparable')

),

-- Not the variations: summing them by resource takes as long as all else, and hardly a month lacks days.
lines as (

    {{ usage_variation_lines('lines.billing_month in (select billing_month from lacking)') }}

),

sums as (

    select
        concerned.grid_id,
        concerned.minor_unit,
        lacking.day is not null as is_lacking,
        sum(lines.cost_amount - lines.usage_amount) as amount_variation,
        sum(lines.cost_quantity - lines.usage_quantity) as quantity_variation,
        sum(lines.usage_line_count + lines.cost_line_count) as line_count
    from lines
    inner join concerned on lines.grid_id = concerned.grid_id
    left join lacking on concerned.comparison = lacking.comparison and lines.usage_date = lacking.day
    group by concerned.grid_id, concerned.minor_unit, lacking.day is not null

)

select grid_id
from sums
group by grid_id
having
    max(case when is_lacking and (amount_variation <> 0 or quantity_variation <> 0) then 1 else 0 end) = 1
    and max(
        case
            when not is_lacking
                and (abs(amount_variation) > minor_unit or abs(quantity_variation) > 0.000001 * line_count)
                then 1
            else 0
        end
    ) = 0
