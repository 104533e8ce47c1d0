with selected as (

    select * from {{ ref('int_subscriptions__classified') }}
    where selection = 'selected'

),

covered as (

    select
        *,
        case when is_dated then {{ coverage_numerator('item_start', 'item_end', 'period_start', 'period_end') }} end
            as numerator,
        case when is_dated then {{ coverage_denominator('item_start', 'item_end') }} end as denominator,
        {{ coverage_class('item_start', 'item_end', 'period_start', 'period_end') }} as coverage_class
    from selected

),

-- The published factor is rounded and never an operand (5.10); without dates it is 1 (5.7).
final as (

    select
        *,
        case
            when is_dated then {{ exact_ratio('cast(1 as decimal(38, 12))', 'numerator', 'denominator') }}
            else 1
        end as coverage_factor,
        {{ exact_ratio('cost_sign * cost', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }} as period_cost,
        {{ exact_ratio('coalesce(tax, 0)', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }} as period_tax,
        {{ subscription_key('billing_month', 'ms_subscription_id') }} as reconciliation_key
    from covered

)

select * from final
