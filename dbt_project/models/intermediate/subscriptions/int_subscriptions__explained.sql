{{ config(materialized='view') }}
with sides as (

    select * from {{ ref('int_subscriptions__sides') }}

),

verdicts as (

    select
        judged.*,
        coalesce(bss.cost_without_late, 0) as bss_cost_without_late,
        ms.period_tax as ms_tax,
        bss.quantity as bss_quantity,
        ms.quantity as ms_quantity,
        bss.unit_cost_count as bss_unit_cost_count,
        ms.unit_cost_count as ms_unit_cost_count,
        bss.unit_cost as bss_unit_cost,
        ms.unit_cost as ms_unit_cost,
        bss.last_start as bss_last_start,
        ms.last_start as ms_last_start
    from {{ ref('int_subscriptions__verdicts') }} as judged
    left join sides as bss
        on
            judged.billing_month = bss.billing_month
            and judged.ms_subscription_id = bss.ms_subscription_id
            and bss.side = 'bss'
    left join sides as ms
        on
            judged.billing_month = ms.billing_month
            and judged.ms_subscription_id = ms.ms_subscription_id
            and ms.side = 'ms'

),

items as (

    select * from {{ ref('int_subscriptions__items') }}

),

loads as (

    select * from {{ source('raw', 'loads') }}

),

history as (

    select
        min(case when source = 'bss_invoices' then billing_month end) as first_bss_month,
        min(case when source in ('ms_recon_nce', 'ms_recon_legacy') then billing_month end) as first_ms_month
    from loads

),

-- Credit or negative lines whose amount the difference equals, within a hundredth.
credits as (

    select distinct
        judged.billing_month,
        judged.ms_subscription_id
    from {{ ref('int_subscriptions__verdicts') }} as judged
    inner join items
        on
            judged.billing_month = items.billing_month
            and judged.ms_subscription_id = items.ms_subscription_id
    where
        judged.status = 'discrepancy'
        and (items.is_credit or items.period_cost < 0)
        and abs(abs(judged.cost_difference) - abs(items.period_cost)) <= 0.01

),

-- Subscriptions of which the month's files hold a record that was rejected (intake.md, 9).
rejected as (

    select distinct
        cast(month || '-01' as date) as billing_month,
        {{ subscription_id('subscription_id') }} as ms_subscription_id
    from {{ source('raw', 'quarantined_rows') }}
    where source in ('bss_invoices', 'ms_recon_nce', 'ms_recon_legacy') and subscription_id is not null

),

-- First that holds (3, 5.16). Summed quantities are compared at 6 decimals, as unit costs are.
final as (

    select
        verdicts.*,
        rejected.ms_subscription_id is not null as has_rejected_records,
        case
            when verdicts.status = 'match' then null
            when verdicts.status = 'missing_in_ms' and verdicts.bss_last_start < history.first_ms_month
                then 'before_history'
            when verdicts.status = 'missing_in_bss' and verdicts.ms_last_start < history.first_bss_month
                then 'before_history'
            when verdicts.status in ('missing_in_ms', 'missing_in_bss') then 'missing_side'
            when verdicts.status = 'not_comparable' then 'currency'
            when abs(verdicts.bss_cost_without_late - verdicts.ms_total_cost) <= verdicts.tolerance then 'late_invoice'
            when
                verdicts.bss_unit_cost_count = 1 and verdicts.ms_unit_cost_count = 1
                and verdicts.bss_unit_cost = verdicts.ms_unit_cost
                and round(verdicts.bss_quantity, 6) <> round(verdicts.ms_quantity, 6)
                then 'quantity'
            when
                verdicts.bss_unit_cost_count = 1 and verdicts.ms_unit_cost_count = 1
                and verdicts.bss_unit_cost <> verdicts.ms_unit_cost
                and round(verdicts.bss_quantity, 6) = round(verdicts.ms_quantity, 6)
                then 'unit_cost'
            when
                credits.ms_subscription_id is not null
                or abs(abs(verdicts.cost_difference) - abs(verdicts.ms_tax)) <= 0.01
                then 'tax_or_credit'
            when rejected.ms_subscription_id is not null then 'rejected_records'
            else 'unexplained'
        end as explanation
    from verdicts
    cross join history
    left join credits
        on
            verdicts.billing_month = credits.billing_month
            and verdicts.ms_subscription_id = credits.ms_subscription_id
    left join rejected
        on
            verdicts.billing_month = rejected.billing_month
            and verdicts.ms_subscription_id = rejected.ms_subscription_id

)

select * from final
