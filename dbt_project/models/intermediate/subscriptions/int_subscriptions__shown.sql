{{ config(pre_hook="{{ enumerations_of([ref('int_subscriptions__products')], ['ms_product_type', 'product_family']) }}") }}
-- The rows of subscription_reconciliation and subscription_margin in the order of both grains: both marts read them so,
-- and publishing sorts neither. What is the same in all rows or follows from others is not among them.
with verdicts as (

    select * from {{ ref('int_subscriptions__explained') }}

),

-- What those in several currencies come to in each.
amounts as (

    select
        amounts.*,
        row_number() over (partition by amounts.billing_month, amounts.ms_subscription_id order by amounts.currency)
            as currency_number
    from {{ ref('int_subscriptions__amounts') }} as amounts
    inner join {{ ref('int_subscriptions__verdicts') }} as judged
        on
            amounts.billing_month = judged.billing_month
            and amounts.ms_subscription_id = judged.ms_subscription_id
    where judged.currency_count > 1

),

descriptions as (

    select * from {{ ref('int_subscriptions__descriptions') }}

),

partners as (

    select * from {{ ref('int_subscriptions__partners') }}

),

partner_names as (

    select * from {{ ref('int_subscriptions__partner_names') }}

),

products as (

    select * from {{ ref('int_subscriptions__products') }}

),

platform_offers as (

    select * from {{ ref('platform_offer_types') }}

),

described as (

    select
        verdicts.billing_month,
        verdicts.ms_subscription_id,
        {{ enumerated('coalesce(descriptions.csp_partner, partners.csp_partner)', 'csp_partner') }} as csp_partner,
        coalesce({{ partner_name('coalesce(descriptions.csp_partner, partners.csp_partner)') }}, partner_names.partner_name)
            as partner_name,
        coalesce(descriptions.customer_name, partners.customer_name, descriptions.account_name) as customer_name,
        coalesce(descriptions.offer_type, partners.offer_type, platform_offers.offer_type) as offer_type,
        {{ enumerated('products.ms_product_type', 'ms_product_type') }} as ms_product_type,
        {{ enumerated('products.product_family', 'product_family') }} as product_family,
        descriptions.product_type,
        descriptions.account_id,
        descriptions.billing_account_id,
        descriptions.product,
        verdicts.currency,
        cast(verdicts.bss_total_cost as decimal(38, 3)) as bss_total_cost,
        cast(verdicts.ms_total_cost as decimal(38, 3)) as ms_total_cost,
        cast(verdicts.cost_difference as decimal(38, 3)) as cost_difference,
        cast(verdicts.tolerance as decimal(38, 3)) as tolerance,
        {{ one_of('verdicts.status', ['match', 'discrepancy', 'missing_in_ms', 'missing_in_bss', 'not_comparable']) }} as status,
        {{ one_of('verdicts.explanation', [
            'before_history', 'missing_side', 'currency', 'late_invoice', 'quantity', 'unit_cost', 'tax_or_credit',
            'rejected_records', 'unexplained',
        ]) }} as explanation,
        verdicts.has_rejected_records,
        cast(verdicts.bss_item_count as bigint) as bss_item_count,
        cast(verdicts.ms_item_count as bigint) as ms_item_count,
        coalesce(amounts.currency_number, 1) = 1 as is_first_currency,
        coalesce(amounts.currency, verdicts.currency) as own_currency,
        coalesce(amounts.bss_cost, verdicts.bss_total_cost, 0) as own_bss_cost,
        coalesce(amounts.ms_cost, verdicts.ms_total_cost, 0) as own_ms_cost,
        coalesce(amounts.sales, verdicts.sales) as own_sales,
        coalesce(amounts.bss_item_count, verdicts.bss_item_count) as own_bss_item_count,
        coalesce(amounts.ms_item_count, verdicts.ms_item_count) as own_ms_item_count,
        coalesce(amounts.unpriced_item_count, verdicts.unpriced_item_count) as own_unpriced_item_count
    from verdicts
    left join amounts
        on
            verdicts.billing_month = amounts.billing_month
            and verdicts.ms_subscription_id = amounts.ms_subscription_id
    inner join descriptions
        on
            verdicts.billing_month = descriptions.billing_month
            and verdicts.ms_subscription_id = descriptions.ms_subscription_id
    left join partners
        on
            verdicts.billing_month = partners.billing_month
            and verdicts.ms_subscription_id = partners.ms_subscription_id
    left join partner_names on coalesce(descriptions.csp_partner, partners.csp_partner) = partner_names.csp_partner
    left join products
        on
            descriptions.product is not distinct from products.product
            and descriptions.publisher_name is not distinct from products.publisher_name
    left join platform_offers on lower({{ trimmed('descriptions.product_type') }}) = platform_offers.product_type

),

made as (

    {{ shown_decisions('subscriptions') }}

),

final as (

    select
        described.*,
        {{ decision_columns('subscriptions', 'described', 'made') }}
    from described
    -- By an expression: where nothing is decided, DuckDB makes no keys.
    left join made
        on made.reconciliation_key = {{ subscription_key('described.billing_month', 'described.ms_subscription_id') }}

)

select * from final {{ in_order(['billing_month', 'ms_subscription_id', 'own_currency']) }}
