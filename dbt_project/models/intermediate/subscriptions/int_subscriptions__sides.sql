with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

-- One row per month, subscription and side.
final as (

    select
        billing_month,
        ms_subscription_id,
        side,
        count(*) as item_count,
        count(distinct currency) as currency_count,
        round(sum(period_cost), 2) as total_cost,
        round(sum(case when invoice_date > period_end then 0 else period_cost end), 2) as cost_without_late,
        sum(period_tax) as period_tax,
        sum(quantity) as quantity,
        count(distinct round(compared_unit_cost, 6)) as unit_cost_count,
        min(round(compared_unit_cost, 6)) as unit_cost,
        max(item_start) as last_item_start,
        count(item_start) as started_count
    from items
    group by billing_month, ms_subscription_id, side

)

select * from final
