-- What the platform sells a subscription for against what Microsoft charges for it. spec/bridge.md, 4.
with amounts as (

    select * from {{ ref('int_subscriptions__amounts') }}

),

verdicts as (

    select * from {{ ref('subscription_reconciliation') }}

),

-- Sales that are not known, and sides in different currencies, give no margin.
judged as (

    select
        amounts.*,
        verdicts.csp_partner,
        verdicts.partner_name,
        verdicts.customer_name,
        verdicts.account_id,
        verdicts.product,
        verdicts.product_family,
        verdicts.status,
        case
            when amounts.unpriced_item_count = 0 and verdicts.status <> 'not_comparable' then amounts.sales - amounts.ms_cost
        end as margin
    from amounts
    inner join verdicts
        on
            amounts.billing_month = verdicts.billing_month
            and amounts.ms_subscription_id = verdicts.ms_subscription_id

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
