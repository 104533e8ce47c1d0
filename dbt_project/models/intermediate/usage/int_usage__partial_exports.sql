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

sums as (

    select
        concerned.grid_id,
        concerned.minor_unit,
        lacking.day is not null as is_lacking,
        sum(variations.cost_amount - variations.usage_amount) as amount_variation,
        sum(variations.cost_quantity - variations.usage_quantity) as quantity_variation,
        sum(variations.usage_line_count + variations.cost_line_count) as line_count
    from {{ ref('int_usage__variations') }} as variations
    inner join concerned on variations.grid_id = concerned.grid_id
    left join lacking on concerned.comparison = lacking.comparison and variations.usage_date = lacking.day
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
