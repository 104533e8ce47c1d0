with lines as (

    select * from {{ ref('int_subscriptions__classified') }}

),

items as (

    select * from {{ ref('int_subscriptions__items') }}

),

-- One row per month, side, selection and currency: what every line in reach adds up to, before and after coverage.
amounts as (

    select
        billing_month,
        side,
        selection,
        currency,
        count(*) as row_count,
        sum(cost_sign * cost) as amount
    from lines
    group by billing_month, side, selection, currency

),

covered as (

    select
        billing_month,
        side,
        currency,
        sum(period_cost) as period_amount
    from items
    group by billing_month, side, currency

),

final as (

    select
        amounts.billing_month,
        case amounts.side when 'bss' then 'left' else 'right' end as side,
        amounts.selection,
        amounts.currency,
        amounts.row_count,
        amounts.amount,
        case when amounts.selection = 'selected' then covered.period_amount end as period_amount
    from amounts
    left join covered
        on
            amounts.billing_month = covered.billing_month
            and amounts.side = covered.side
            and amounts.currency = covered.currency

)

select * from final
