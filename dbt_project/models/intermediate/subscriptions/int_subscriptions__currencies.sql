-- Nearly every subscription has one currency, which its sides know; of the others it is looked up among their items.
with sides as (

    select
        billing_month,
        ms_subscription_id,
        min(currency) as currency,
        max(last_currency) as last_currency
    from {{ ref('int_subscriptions__sides') }}
    group by billing_month, ms_subscription_id

),

items as (

    select distinct
        items.billing_month,
        items.ms_subscription_id,
        items.currency
    from {{ ref('int_subscriptions__items') }} as items
    inner join sides
        on
            items.billing_month = sides.billing_month
            and items.ms_subscription_id = sides.ms_subscription_id
            and sides.currency <> sides.last_currency

),

several as (

    select
        billing_month,
        ms_subscription_id,
        count(*) as currency_count,
        {{ sorted_join('currency', '/') }} as currency
    from items
    group by billing_month, ms_subscription_id

),

final as (

    select
        billing_month,
        ms_subscription_id,
        cast(1 as bigint) as currency_count,
        currency
    from sides
    where currency = last_currency
    union all
    select
        billing_month,
        ms_subscription_id,
        currency_count,
        currency
    from several

)

select * from final
