{{ config(materialized='view') }}
with selected as (

    select
        *,
        billing_month as period_start,
        last_day(billing_month) as period_end
    from {{ ref('int_subscriptions__classified') }}
    where selection = 'selected'

),

-- The published factor is rounded and never an operand (5.10); without dates it is 1 (5.7).
final as (

    select
        *,
        case
            when denominator is not null then {{ exact_ratio('cast(1 as decimal(38, 12))', 'numerator', 'denominator') }}
            else 1
        end as coverage_factor,
        {{ one_of(coverage_class('item_start', 'item_end', 'period_start', 'period_end'), ['inside', 'starts_in', 'ends_in', 'spans', 'undated']) }}
            as coverage_class,
        {{ exact_ratio('coalesce(tax, 0)', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }} as period_tax,
        {{ exact_ratio('cost_sign * final_amount', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }} as period_sales
    from selected

)

select * from final
