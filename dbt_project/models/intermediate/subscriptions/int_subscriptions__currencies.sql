with items as (

    select distinct
        billing_month,
        ms_subscription_id,
        currency
    from {{ ref('int_subscriptions__items') }}

),

final as (

    select
        billing_month,
        ms_subscription_id,
        count(*) as currency_count,
        {{ sorted_join('currency', '/') }} as currency
    from items
    group by billing_month, ms_subscription_id

)

select * from final
