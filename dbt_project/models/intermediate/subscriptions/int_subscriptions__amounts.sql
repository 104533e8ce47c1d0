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
        currency,
        count(case when side = 'bss' then 1 end) as bss_item_count,
        count(case when side = 'ms' then 1 end) as ms_item_count,
        count(case when side = 'bss' and final_amount is null then 1 end) as unpriced_item_count,
        sum(case when side = 'bss' then period_cost else 0 end) as bss_cost,
        sum(case when side = 'ms' then period_cost else 0 end) as ms_cost,
        sum(case when side = 'bss' then coalesce(period_sales, 0) else 0 end) as sales
    from items
    group by billing_month, ms_subscription_id, currency

),

-- Sums are rounded once, here, to the minor unit of their currency (5.22).
final as (

    select
        summed.billing_month,
        summed.ms_subscription_id,
        summed.currency,
        summed.bss_item_count,
        summed.ms_item_count,
        summed.unpriced_item_count,
        {{ sum_at_minor_unit('summed.bss_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as bss_cost,
        {{ sum_at_minor_unit('summed.ms_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as ms_cost,
        {{ sum_at_minor_unit('summed.sales', 'coalesce(own.minor_unit, other.minor_unit)') }} as sales
    from summed
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

)

select * from final
