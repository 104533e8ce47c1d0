with verdicts as (

    select * from {{ ref('int_subscriptions__explained') }}

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
        {{ subscription_key('verdicts.billing_month', 'verdicts.ms_subscription_id') }} as reconciliation_key,
        coalesce(descriptions.csp_partner, partners.csp_partner) as csp_partner,
        coalesce({{ partner_name('coalesce(descriptions.csp_partner, partners.csp_partner)') }}, partner_names.partner_name)
            as partner_name,
        coalesce(descriptions.customer_name, partners.customer_name, descriptions.account_name) as customer_name,
        coalesce(descriptions.offer_type, partners.offer_type, platform_offers.offer_type) as offer_type,
        products.ms_product_type,
        products.product_family,
        descriptions.product_type,
        descriptions.account_id,
        descriptions.billing_account_id,
        descriptions.product,
        verdicts.currency,
        cast(verdicts.bss_total_cost as decimal(38, 3)) as bss_total_cost,
        cast(verdicts.ms_total_cost as decimal(38, 3)) as ms_total_cost,
        cast(verdicts.cost_difference as decimal(38, 3)) as cost_difference,
        cast(verdicts.tolerance as decimal(38, 3)) as tolerance,
        verdicts.status,
        case verdicts.status
            when 'match' then 'green check mark'
            when 'discrepancy' then 'red X'
            else 'yellow exclamation mark'
        end as symbol,
        verdicts.explanation,
        verdicts.has_rejected_records,
        cast(verdicts.bss_item_count as bigint) as bss_item_count,
        cast(verdicts.ms_item_count as bigint) as ms_item_count,
        '{{ var("selection_method") }}' as selection_method,
        '{{ var("coverage_method") }}' as coverage_method
    from verdicts
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
    left join platform_offers on lower(trim(descriptions.product_type)) = platform_offers.product_type

),

made as (

    {{ shown_decisions('subscriptions') }}

),

final as (

    select
        described.*,
        {{ decision_columns('subscriptions', 'described', 'made') }},
        {{ publication_columns() }}
    from described
    left join made on described.reconciliation_key = made.reconciliation_key

)

select * from final
