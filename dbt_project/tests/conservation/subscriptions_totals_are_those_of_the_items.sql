-- The totals of subscription_reconciliation are the sums of its items, side by side, to the minor unit; none is left over.
with items as (

    select
        billing_month,
        ms_subscription_id,
        count(case when side = 'bss' then 1 end) as bss_items,
        count(case when side = 'ms' then 1 end) as ms_items,
        sum(case when side = 'bss' then period_cost else 0 end) as bss_cost,
        sum(case when side = 'ms' then period_cost else 0 end) as ms_cost,
        max(coalesce(own.minor_unit, other.minor_unit)) as minor_unit
    from {{ ref('subscription_reconciliation_items') }} as lines
    left join {{ ref('currency_minor_units') }} as own on lines.currency = own.currency
    left join {{ ref('currency_minor_units') }} as other on other.currency = '*'
    group by billing_month, ms_subscription_id

),

verdicts as (

    select * from {{ ref('subscription_reconciliation') }}

)

select
    billing_month,
    ms_subscription_id,
    items.bss_cost,
    items.ms_cost
from items
full outer join verdicts using (billing_month, ms_subscription_id)
where
    coalesce(items.bss_items, 0) <> coalesce(verdicts.bss_item_count, 0)
    or coalesce(items.ms_items, 0) <> coalesce(verdicts.ms_item_count, 0)
    or coalesce(items.bss_items, 0) + coalesce(items.ms_items, 0) = 0
    or (verdicts.bss_total_cost is not null and coalesce({{ sum_at_minor_unit('items.bss_cost', 'items.minor_unit') }}, 0) <> verdicts.bss_total_cost)
    or (verdicts.ms_total_cost is not null and coalesce({{ sum_at_minor_unit('items.ms_cost', 'items.minor_unit') }}, 0) <> verdicts.ms_total_cost)
    or (verdicts.bss_total_cost is null and verdicts.bss_item_count > 0 and verdicts.currency not like '%/%')
    or (verdicts.ms_total_cost is null and verdicts.ms_item_count > 0 and verdicts.currency not like '%/%')
