-- What explains a difference, of the sides of subscriptions that do not match.
with unequal as (

    select
        billing_month,
        ms_subscription_id
    from {{ ref('int_subscriptions__verdicts') }}
    where status <> 'match'

),

items as (

    select
        items.*,
        {{ at_six_decimals('items.compared_unit_cost') }} as rounded_unit_cost
    from {{ ref('int_subscriptions__items') }} as items
    inner join unequal
        on items.billing_month = unequal.billing_month and items.ms_subscription_id = unequal.ms_subscription_id

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

summed as (

    select
        billing_month,
        ms_subscription_id,
        side,
        min(currency) as currency,
        sum(case when invoice_date > period_end then 0 else period_cost end) as cost_without_late,
        sum(period_tax) as period_tax,
        sum(compared_quantity) as quantity,
        min(rounded_unit_cost) as unit_cost,
        max(rounded_unit_cost) as last_unit_cost,
        max(item_start) as last_item_start,
        count(item_start) as started_count,
        count(*) as item_count
    from items
    group by billing_month, ms_subscription_id, side

),

-- Whether there is more than one unit cost is all that is asked of them: the first and the last tell it in a fraction of the
-- time that counting takes. A side with an item that has no start did not begin before anything.
final as (

    select
        summed.billing_month,
        summed.ms_subscription_id,
        summed.side,
        {{ sum_at_minor_unit('summed.cost_without_late', 'coalesce(own.minor_unit, other.minor_unit)') }} as cost_without_late,
        summed.period_tax,
        summed.quantity,
        case when summed.unit_cost = summed.last_unit_cost then 1 when summed.unit_cost is null then 0 else 2 end
            as unit_cost_count,
        summed.unit_cost,
        case when summed.started_count = summed.item_count then summed.last_item_start end as last_start
    from summed
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

)

select * from final
