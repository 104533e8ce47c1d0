with amounts as (

    select * from {{ ref('int_subscriptions__amounts') }}

),

tolerances as (

    select * from {{ ref('currency_tolerances') }}

),

several as (

    select
        billing_month,
        ms_subscription_id
    from amounts
    group by billing_month, ms_subscription_id
    having count(*) > 1

),

-- Nearly every subscription has one currency, and its amounts are there; the total of a side of several is null (5.13).
joined as (

    select
        amounts.billing_month,
        amounts.ms_subscription_id,
        amounts.currency,
        1 as currency_count,
        amounts.bss_item_count,
        amounts.ms_item_count,
        case when amounts.bss_item_count > 0 then amounts.bss_cost end as bss_total_cost,
        case when amounts.ms_item_count > 0 then amounts.ms_cost end as ms_total_cost,
        amounts.sales,
        amounts.unpriced_item_count
    from amounts
    left join several
        on amounts.billing_month = several.billing_month and amounts.ms_subscription_id = several.ms_subscription_id
    where several.ms_subscription_id is null
    union all
    select
        amounts.billing_month,
        amounts.ms_subscription_id,
        {{ sorted_join('amounts.currency', '/') }} as currency,
        count(*) as currency_count,
        sum(amounts.bss_item_count) as bss_item_count,
        sum(amounts.ms_item_count) as ms_item_count,
        case
            when count(case when amounts.bss_item_count > 0 then 1 end) = 1
                then max(case when amounts.bss_item_count > 0 then amounts.bss_cost end)
        end as bss_total_cost,
        case
            when count(case when amounts.ms_item_count > 0 then 1 end) = 1
                then max(case when amounts.ms_item_count > 0 then amounts.ms_cost end)
        end as ms_total_cost,
        null as sales,
        null as unpriced_item_count
    from amounts
    inner join several
        on amounts.billing_month = several.billing_month and amounts.ms_subscription_id = several.ms_subscription_id
    group by amounts.billing_month, amounts.ms_subscription_id

),

compared as (

    select
        joined.billing_month,
        joined.ms_subscription_id,
        joined.currency,
        cast(joined.currency_count as bigint) as currency_count,
        cast(joined.bss_item_count as bigint) as bss_item_count,
        cast(joined.ms_item_count as bigint) as ms_item_count,
        joined.bss_total_cost,
        joined.ms_total_cost,
        joined.sales,
        joined.unpriced_item_count,
        joined.bss_item_count > 0 as is_in_bss,
        joined.ms_item_count > 0 as is_in_ms,
        coalesce(own.tolerance, other.tolerance) as tolerance,
        case
            when joined.bss_item_count = 0 then -joined.ms_total_cost
            when joined.ms_item_count = 0 then joined.bss_total_cost
            when joined.currency_count = 1 then joined.bss_total_cost - joined.ms_total_cost
        end as cost_difference
    from joined
    left join tolerances as own on joined.currency = own.currency
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
