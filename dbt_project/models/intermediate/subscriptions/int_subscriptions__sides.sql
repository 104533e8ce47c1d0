with items as (

    select
        *,
        {{ at_six_decimals('compared_unit_cost') }} as rounded_unit_cost
    from {{ ref('int_subscriptions__items') }}

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

summed as (

    select
        billing_month,
        ms_subscription_id,
        side,
        count(*) as item_count,
        min(currency) as currency,
        max(currency) as last_currency,
        sum(period_cost) as total_cost,
        sum(case when invoice_date > period_end then 0 else period_cost end) as cost_without_late,
        sum(period_tax) as period_tax,
        sum(compared_quantity) as quantity,
        min(rounded_unit_cost) as unit_cost,
        max(rounded_unit_cost) as last_unit_cost,
        max(item_start) as last_item_start,
        count(item_start) as started_count
    from items
    group by billing_month, ms_subscription_id, side

),

-- One row per month, subscription and side. Sums are rounded once, here, to the minor unit of their currency (5.22); of
-- several currencies none is published. Whether there is more than one is all that is asked of currencies and unit costs,
-- and the first and the last of them tell it in a fraction of the time that counting takes.
final as (

    select
        summed.billing_month,
        summed.ms_subscription_id,
        summed.side,
        summed.item_count,
        case when summed.currency = summed.last_currency then 1 else 2 end as currency_count,
        summed.currency,
        summed.last_currency,
        {{ sum_at_minor_unit('summed.total_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as total_cost,
        {{ sum_at_minor_unit('summed.cost_without_late', 'coalesce(own.minor_unit, other.minor_unit)') }} as cost_without_late,
        summed.period_tax,
        summed.quantity,
        case when summed.unit_cost = summed.last_unit_cost then 1 when summed.unit_cost is null then 0 else 2 end
            as unit_cost_count,
        summed.unit_cost,
        summed.last_item_start,
        summed.started_count
    from summed
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

)

select * from final
