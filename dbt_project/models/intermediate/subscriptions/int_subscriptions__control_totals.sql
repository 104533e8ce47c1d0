with lines as (

    select * from {{ ref('int_subscriptions__classified') }}

),

-- One row per month, side, selection and currency: what every line in reach adds up to, before and after coverage.
amounts as (

    select
        billing_month,
        side,
        selection,
        currency,
        count(*) as row_count,
        sum(cost_sign * cost) as amount,
        sum(period_cost) as period_amount
    from lines
    group by billing_month, side, selection, currency

),

final as (

    select
        amounts.billing_month,
        case amounts.side when 'bss' then 'left' else 'right' end as side,
        amounts.selection,
        amounts.currency,
        amounts.row_count,
        amounts.amount,
        amounts.period_amount
    from amounts

)

select * from final
