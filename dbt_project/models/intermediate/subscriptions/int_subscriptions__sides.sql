with items as (

    select * from {{ ref('int_subscriptions__items') }}

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
        count(distinct currency) as currency_count,
        min(currency) as currency,
        sum(period_cost) as total_cost,
        sum(case when invoice_date > period_end then 0 else period_cost end) as cost_without_late,
        sum(period_tax) as period_tax,
        sum(compared_quantity) as quantity,
        count(distinct round(compared_unit_cost, 6)) as unit_cost_count,
        min(round(compared_unit_cost, 6)) as unit_cost,
        max(item_start) as last_item_start,
        count(item_start) as started_count
    from items
    group by billing_month, ms_subscription_id, side

),

-- One row per month, subscription and side. Sums are rounded once, here, to the minor unit of their currency (5.22); of
-- several currencies none is published.
final as (

    select
        summed.billing_month,
        summed.ms_subscription_id,
        summed.side,
        summed.item_count,
        summed.currency_count,
        {{ at_minor_unit('summed.total_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as total_cost,
        {{ at_minor_unit('summed.cost_without_late', 'coalesce(own.minor_unit, other.minor_unit)') }} as cost_without_late,
        summed.period_tax,
        summed.quantity,
        summed.unit_cost_count,
        summed.unit_cost,
        summed.last_item_start,
        summed.started_count
    from summed
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

)

select * from final
