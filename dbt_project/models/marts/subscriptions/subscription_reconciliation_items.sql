{{ config(materialized='view') }}
with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

final as (

    select
        billing_month,
        source_month,
        reconciliation_key,
        side,
        ms_subscription_id,
        currency,
        source,
        product_type,
        product,
        invoice_code,
        invoice_date,
        account_id,
        billing_account_id,
        bss_subscription_id,
        case when side = 'bss' then item_start end as start_date,
        case when side = 'bss' then item_end end as end_date,
        quantity,
        cast(unit_cost as decimal(18, 6)) as unit_cost,
        cast(case when side = 'bss' then cost end as decimal(18, 6)) as total_cost,
        cast(unit_price as decimal(18, 6)) as unit_price,
        cast(discount_percent as decimal(18, 6)) as discount_percent,
        cast(final_amount as decimal(18, 6)) as final_amount,
        invoice_type,
        invoice_stage,
        invoice_due_date,
        type,
        csp_partner,
        customer_name,
        publisher_name,
        invoice_number,
        charge_type,
        subscription_start_date,
        subscription_end_date,
        case when side = 'ms' then item_start end as charge_start_date,
        case when side = 'ms' then item_end end as charge_end_date,
        cast(case when side = 'ms' then cost end as decimal(18, 6)) as subtotal,
        cast(tax as decimal(18, 6)) as tax,
        cast(total as decimal(18, 6)) as total,
        cast(cost_sign as integer) as cost_sign,
        cast(numerator as integer) as numerator,
        cast(denominator as integer) as denominator,
        cast(coverage_factor as decimal(18, 6)) as coverage_factor,
        coverage_class,
        period_cost,
        source_file,
        source_row,
        {{ publication_columns() }}
    from items

)

select * from final
