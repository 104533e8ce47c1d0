-- What the platform sells a subscription for against what Microsoft charges for it. spec/bridge.md, 4.
with items as (

    select
        *,
        {{ exact_ratio('cost_sign * final_amount', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }} as period_sales
    from {{ ref('int_subscriptions__items') }}

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
        count(case when side = 'bss' then 1 end) as bss_item_count,
        count(case when side = 'ms' then 1 end) as ms_item_count,
        count(case when side = 'bss' and final_amount is null then 1 end) as unpriced_item_count,
        sum(case when side = 'bss' then coalesce(period_sales, 0) else 0 end) as sales,
        sum(case when side = 'bss' then period_cost else 0 end) as bss_cost,
        sum(case when side = 'ms' then period_cost else 0 end) as ms_cost
    from items
    group by billing_month, ms_subscription_id, currency

),

rounded as (

    select
        summed.billing_month,
        summed.ms_subscription_id,
        summed.currency,
        summed.bss_item_count,
        summed.ms_item_count,
        summed.unpriced_item_count,
        {{ sum_at_minor_unit('summed.sales', 'coalesce(own.minor_unit, other.minor_unit)') }} as sales,
        {{ sum_at_minor_unit('summed.bss_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as bss_cost,
        {{ sum_at_minor_unit('summed.ms_cost', 'coalesce(own.minor_unit, other.minor_unit)') }} as ms_cost
    from summed
    left join units as own on summed.currency = own.currency
    left join units as other on other.currency = '*'

),

-- Sales that are not known, and sides in different currencies, give no margin.
judged as (

    select
        rounded.*,
        verdicts.csp_partner,
        verdicts.customer_name,
        verdicts.account_id,
        verdicts.product,
        verdicts.product_family,
        verdicts.status,
        case
            when rounded.unpriced_item_count = 0 and verdicts.status <> 'not_comparable' then rounded.sales - rounded.ms_cost
        end as margin
    from rounded
    inner join verdicts
        on
            rounded.billing_month = verdicts.billing_month
            and rounded.ms_subscription_id = verdicts.ms_subscription_id

),

final as (

    select
        billing_month,
        ms_subscription_id,
        currency,
        {{ sha256_hex("'margin|' || " ~ month_text('billing_month') ~ " || '|' || ms_subscription_id || '|' || currency") }}
            as reconciliation_key,
        csp_partner,
        customer_name,
        account_id,
        product_family,
        product,
        sales,
        bss_cost,
        ms_cost,
        margin,
        cast(round({{ exact_percent('margin', 'sales') }}, 6) as decimal(38, 12)) as margin_percent,
        status,
        cast(bss_item_count as bigint) as bss_item_count,
        cast(ms_item_count as bigint) as ms_item_count,
        cast(unpriced_item_count as bigint) as unpriced_item_count,
        {{ publication_columns() }}
    from judged

)

select * from final
