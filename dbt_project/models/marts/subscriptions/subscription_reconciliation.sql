{{ config(materialized='view') }}
{%- set symbol -%}
case status
            when 'match' then 'green check mark'
            when 'discrepancy' then 'red X'
            else 'yellow exclamation mark'
        end
{%- endset %}
with shown as (

    select * from {{ ref('int_subscriptions__shown') }}

),

final as (

    select
        billing_month,
        ms_subscription_id,
        {{ subscription_key('billing_month', 'ms_subscription_id') }} as reconciliation_key,
        csp_partner,
        partner_name,
        customer_name,
        offer_type,
        ms_product_type,
        product_family,
        product_type,
        account_id,
        billing_account_id,
        product,
        currency,
        bss_total_cost,
        ms_total_cost,
        cost_difference,
        tolerance,
        status,
        {{ one_of(symbol, ['green check mark', 'red X', 'yellow exclamation mark']) }} as symbol,
        explanation,
        has_rejected_records,
        bss_item_count,
        ms_item_count,
        {{ one_of("'" ~ var('selection_method') ~ "'", [var('selection_method')]) }} as selection_method,
        {{ one_of("'" ~ var('coverage_method') ~ "'", [var('coverage_method')]) }} as coverage_method,
        decision,
        decision_state,
        decision_reason,
        decided_by,
        decided_at,
        decided_status,
        decided_difference,
        is_open,
        {{ publication_columns() }}
    from shown
    where is_first_currency

)

select * from final
