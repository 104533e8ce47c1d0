{{ config(materialized='view') }}
-- What each subscription adds to either side's total of a currency, and the step of the waterfall that it belongs to.
-- A side of several currencies is in each of them by itself: its items, not its total, which is null.
with amounts as (

    select * from {{ ref('int_subscriptions__shown') }}

),

final as (

    select
        amounts.billing_month,
        amounts.ms_subscription_id as row_id,
        cast(null as string) as register_type,
        amounts.own_currency as currency,
        case
            when {{ decided_step('amounts') }} is not null then 55
            when amounts.status = 'missing_in_ms' then 20
            when amounts.status = 'missing_in_bss' then 30
            when amounts.status = 'match' then 50
            when amounts.status = 'not_comparable' then 60
            else 40
        end as position,
        coalesce({{ decided_step('amounts') }}, case
            when amounts.status = 'match' then 'within_tolerance'
            when amounts.status = 'discrepancy' then amounts.explanation
            else amounts.status
        end) as step,
        cast(amounts.own_bss_cost as decimal(38, 3)) as left_amount,
        cast(amounts.own_ms_cost as decimal(38, 3)) as right_amount
    from amounts

)

select * from final
