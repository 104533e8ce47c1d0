{{ config(materialized='view') }}
-- What each subscription adds to either side's total of a currency, and the step of the waterfall that it belongs to.
-- A side of several currencies is in each of them by itself: its items, not its total, which is null.
with verdicts as (

    select * from {{ ref('subscription_reconciliation') }}

),

several as (

    select
        amounts.billing_month,
        amounts.ms_subscription_id,
        amounts.currency,
        amounts.bss_cost,
        amounts.ms_cost
    from {{ ref('int_subscriptions__amounts') }} as amounts
    inner join {{ ref('int_subscriptions__verdicts') }} as judged
        on
            amounts.billing_month = judged.billing_month
            and amounts.ms_subscription_id = judged.ms_subscription_id
    where judged.currency_count > 1

),

amounts as (

    select
        verdicts.*,
        coalesce(several.currency, verdicts.currency) as own_currency,
        coalesce(several.bss_cost, verdicts.bss_total_cost, 0) as left_amount,
        coalesce(several.ms_cost, verdicts.ms_total_cost, 0) as right_amount
    from verdicts
    left join several
        on
            verdicts.billing_month = several.billing_month
            and verdicts.ms_subscription_id = several.ms_subscription_id

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
        cast(amounts.left_amount as decimal(38, 3)) as left_amount,
        cast(amounts.right_amount as decimal(38, 3)) as right_amount
    from amounts

)

select * from final
