{{ config(materialized='view') }}
-- What the platform sells a subscription for against what Microsoft charges for it. spec/bridge.md, 4.
with shown as (

    select * from {{ ref('int_subscriptions__shown') }}

),

-- Sales that are not known, and sides in different currencies, give no margin.
judged as (

    select
        billing_month,
        ms_subscription_id,
        own_currency as currency,
        csp_partner,
        partner_name,
        customer_name,
        account_id,
        product_family,
        product,
        own_sales as sales,
        own_bss_cost as bss_cost,
        own_ms_cost as ms_cost,
        status,
        own_bss_item_count as bss_item_count,
        own_ms_item_count as ms_item_count,
        own_unpriced_item_count as unpriced_item_count,
        case when own_unpriced_item_count = 0 and status <> 'not_comparable' then own_sales - own_ms_cost end as margin
    from shown

),

final as (

    select
        billing_month,
        ms_subscription_id,
        currency,
        {{ sha256_hex("'margin|' || " ~ month_text('billing_month') ~ " || '|' || ms_subscription_id || '|' || currency") }}
            as reconciliation_key,
        csp_partner,
        partner_name,
        customer_name,
        account_id,
        product_family,
        product,
        sales,
        bss_cost,
        ms_cost,
        margin,
        cast(round({{ exact_percent('margin', 'sales', 3) }}, 6) as decimal(38, 12)) as margin_percent,
        status,
        cast(bss_item_count as bigint) as bss_item_count,
        cast(ms_item_count as bigint) as ms_item_count,
        cast(unpriced_item_count as bigint) as unpriced_item_count,
        {{ publication_columns() }}
    from judged

)

select * from final
