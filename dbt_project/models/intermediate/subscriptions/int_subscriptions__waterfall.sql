-- What each subscription adds to either side's total of a currency, and the step of the waterfall that it belongs to.
-- A side of several currencies is in each of them by itself: its items, not its total, which is null.
with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

verdicts as (

    select * from {{ ref('subscription_reconciliation') }}

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

summed as (

    select
        billing_month,
        ms_subscription_id,
        currency,
        sum(case when side = 'bss' then period_cost else 0 end) as left_amount,
        sum(case when side = 'ms' then period_cost else 0 end) as right_amount
    from items
    group by billing_month, ms_subscription_id, currency

),

final as (

    select
        summed.billing_month,
        summed.ms_subscription_id as row_id,
        cast(null as string) as register_type,
        summed.currency,
        case
            when {{ decided_step('verdicts') }} is not null then 55
            when verdicts.status = 'missing_in_ms' then 20
            when verdicts.status = 'missing_in_bss' then 30
            when verdicts.status = 'match' then 50
            when verdicts.status = 'not_comparable' then 60
            else 40
        end as position,
        coalesce({{ decided_step('verdicts') }}, case
            when verdicts.status = 'match' then 'within_tolerance'
            when verdicts.status = 'discrepancy' then verdicts.explanation
            else verdicts.status
        end) as step,
        {{ sum_at_minor_unit('summed.left_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as left_amount,
        {{ sum_at_minor_unit('summed.right_amount', 'coalesce(own.minor_unit, other.minor_unit)') }} as right_amount
    from summed
    inner join verdicts
        on
            summed.billing_month = verdicts.billing_month
            and summed.ms_subscription_id = verdicts.ms_subscription_id
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

)

select * from final
