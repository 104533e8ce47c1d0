with grid as (

    select
        explained.*,
        names.customer_name
    from {{ ref('int_usage__explained') }} as explained
    left join {{ ref('int_usage__customer_names') }} as names
        on
            explained.billing_month = names.billing_month
            and explained.azure_subscription_id = names.azure_subscription_id

),

shown as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        customer_name,
        meter_id,
        meter_name,
        meter_category,
        meter_subcategory,
        meter_region,
        reconciliation_key,
        price_basis,
        usage_quantity,
        cost_quantity,
        case when status <> 'not_comparable' then cost_quantity - usage_quantity end as quantity_variation,
        usage_amount,
        cost_amount,
        case when status <> 'not_comparable' then amount_variation end as amount_variation,
        case when status <> 'not_comparable' then {{ exact_percent('amount_variation', 'usage_amount') }} end
            as amount_variation_percent,
        rounding_adjustment_amount,
        lost_credit_amount,
        promotion_amount,
        usage_line_count,
        cost_line_count,
        tolerance,
        status,
        explanation,
        has_rejected_records
    from grid

),

made as (

    {{ shown_decisions('usage') }}

),

final as (

    select
        shown.*,
        {{ decision_columns('usage', 'shown', 'made') }},
        {{ publication_columns() }}
    from shown
    left join made on shown.reconciliation_key = made.reconciliation_key

)

select * from final
