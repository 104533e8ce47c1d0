{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

final as (

    select
        billing_month,
        source_month,
        {{ subscription_key('billing_month', 'ms_subscription_id') }} as reconciliation_key,
        side,
        ms_subscription_id,
        currency,
        source,
        product_type,
        product,
        case when side = 'bss' then document_code end as invoice_code,
        invoice_date,
        account_id,
        billing_account_id,
        bss_subscription_id,
        case when side = 'bss' then item_start end as start_date,
        case when side = 'bss' then item_end end as end_date,
        quantity,
        cast({{ at_six_decimals("case when side = 'bss' then compared_unit_cost end") }} as decimal(18, 6)) as unit_cost,
        cast({{ at_six_decimals("case when side = 'bss' then cost end") }} as decimal(18, 6)) as total_cost,
        cast({{ at_six_decimals('unit_price') }} as decimal(18, 6)) as unit_price,
        cast({{ at_six_decimals('discount_percent') }} as decimal(18, 6)) as discount_percent,
        cast({{ at_six_decimals('final_amount') }} as decimal(18, 6)) as final_amount,
        invoice_type,
        invoice_stage,
        invoice_due_date,
        case when side = 'ms' then product_type end as type,
        csp_partner,
        customer_name,
        publisher_name,
        case when side = 'ms' then document_code end as invoice_number,
        charge_type,
        subscription_start_date,
        subscription_end_date,
        case when side = 'ms' then item_start end as charge_start_date,
        case when side = 'ms' then item_end end as charge_end_date,
        cast({{ at_six_decimals("case when side = 'ms' then cost end") }} as decimal(18, 6)) as subtotal,
        cast({{ at_six_decimals('tax') }} as decimal(18, 6)) as tax,
        cast({{ at_six_decimals('total') }} as decimal(18, 6)) as total,
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
