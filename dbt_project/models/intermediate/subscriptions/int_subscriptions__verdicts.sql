with bss as (

    select * from {{ ref('int_subscriptions__sides') }}
    where side = 'bss'

),

microsoft as (

    select * from {{ ref('int_subscriptions__sides') }}
    where side = 'ms'

),

currencies as (

    select * from {{ ref('int_subscriptions__currencies') }}

),

tolerances as (

    select * from {{ ref('currency_tolerances') }}

),

joined as (

    select
        billing_month,
        ms_subscription_id,
        coalesce(bss.item_count, 0) as bss_item_count,
        coalesce(microsoft.item_count, 0) as ms_item_count,
        -- The total of a side with several currencies is null (5.13).
        case when bss.currency_count = 1 then bss.total_cost end as bss_total_cost,
        case when microsoft.currency_count = 1 then microsoft.total_cost end as ms_total_cost,
        bss.item_count is not null as is_in_bss,
        microsoft.item_count is not null as is_in_ms,
        bss.currency_count as bss_currency_count,
        microsoft.currency_count as ms_currency_count,
        coalesce(bss.cost_without_late, 0) as bss_cost_without_late,
        microsoft.period_tax as ms_tax,
        bss.quantity as bss_quantity,
        microsoft.quantity as ms_quantity,
        bss.unit_cost_count as bss_unit_cost_count,
        microsoft.unit_cost_count as ms_unit_cost_count,
        bss.unit_cost as bss_unit_cost,
        microsoft.unit_cost as ms_unit_cost,
        -- Null when an item of the side has no start: it did not begin before anything.
        case when bss.started_count = bss.item_count then bss.last_item_start end as bss_last_start,
        case when microsoft.started_count = microsoft.item_count then microsoft.last_item_start end as ms_last_start
    from bss
    full outer join microsoft using (billing_month, ms_subscription_id)

),

compared as (

    select
        joined.*,
        currencies.currency,
        currencies.currency_count,
        coalesce(own.tolerance, other.tolerance) as tolerance,
        case
            when joined.is_in_bss and joined.is_in_ms and currencies.currency_count > 1 then null
            when joined.is_in_bss and joined.is_in_ms then joined.bss_total_cost - joined.ms_total_cost
            when joined.is_in_bss then joined.bss_total_cost
            else -joined.ms_total_cost
        end as cost_difference
    from joined
    inner join currencies
        on
            joined.billing_month = currencies.billing_month
            and joined.ms_subscription_id = currencies.ms_subscription_id
    left join tolerances as own on currencies.currency = own.currency
    left join tolerances as other on other.currency = '*'

),

final as (

    select
        *,
        case
            when is_in_bss and is_in_ms and currency_count > 1 then 'not_comparable'
            when not is_in_ms then 'missing_in_ms'
            when not is_in_bss then 'missing_in_bss'
            when abs(cost_difference) <= tolerance then 'match'
            else 'discrepancy'
        end as status
    from compared

)

select * from final
