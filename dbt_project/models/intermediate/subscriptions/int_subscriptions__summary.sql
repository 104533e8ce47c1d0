with verdicts as (

    select * from {{ ref('int_subscriptions__verdicts') }}

),

-- One row per month, status and currency. A missing side counts as 0; sums never mix currencies.
final as (

    select
        billing_month,
        'subscriptions' as reconciliation,
        status,
        currency,
        count(*) as row_count,
        sum(case when is_in_bss then bss_total_cost else 0 end) as left_amount,
        sum(case when is_in_ms then ms_total_cost else 0 end) as right_amount,
        sum(cost_difference) as difference
    from verdicts
    group by billing_month, status, currency

)

select * from final
