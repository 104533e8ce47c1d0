with grid as (

    select * from {{ ref('int_usage__grid') }}

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

toleranced as (

    select
        grid.*,
        comparisons.is_restated,
        comparisons.is_default,
        coalesce(own.minor_unit, other.minor_unit) as minor_unit,
        {{ usage_tolerance('coalesce(own.minor_unit, other.minor_unit)', 'grid.usage_line_count') }} as tolerance
    from grid
    inner join {{ ref('int_usage__comparisons') }} as comparisons
        on grid.billing_month = comparisons.billing_month and grid.comparison = comparisons.comparison
    left join units as own on grid.currency = own.currency
    left join units as other on other.currency = '*'

),

final as (

    select
        *,
        {{ usage_key(['meter_id']) }} as reconciliation_key,
        cost_amount - usage_amount as amount_variation,
        case
            when usage_line_count = 0 and key_usage_line_count > 0 then 'not_comparable'
            when cost_line_count = 0 and key_cost_line_count > 0 then 'not_comparable'
            else {{ usage_status() }}
        end as status
    from toleranced

)

select * from final
