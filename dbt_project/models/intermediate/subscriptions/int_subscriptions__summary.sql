{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with verdicts as (

    select
        rows_in.*,
        {{ decided_step('rows_in') }} is not null as is_decided,
        case when rows_in.bss_item_count > 0 then rows_in.bss_total_cost else 0 end as left_cost,
        case when rows_in.ms_item_count > 0 then rows_in.ms_total_cost else 0 end as right_cost
    from {{ ref('subscription_reconciliation') }} as rows_in

),

-- One row per month, status and currency. A missing side counts as 0; sums never mix currencies.
final as (

    select
        billing_month,
        'subscriptions' as reconciliation,
        status,
        currency,
        count(*) as row_count,
        sum(left_cost) as left_amount,
        sum(right_cost) as right_amount,
        sum(cost_difference) as difference,
        {{ open_and_decided('left_cost', 'right_cost') }}
    from verdicts
    group by billing_month, status, currency

)

select * from final
