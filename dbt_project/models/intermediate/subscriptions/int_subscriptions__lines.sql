{{ config(materialized='view') }}
with bss as (

    select * from {{ ref('int_subscriptions__bss_lines') }}

),

microsoft as (

    select * from {{ ref('stg_partner_center__nce_lines') }}
    union all
    select * from {{ ref('stg_partner_center__legacy_lines') }}

),

bss_lines as (

    select
        'bss' as side,
        'bss_invoices' as source,
        source_month,
        source_file,
        source_row,
        scope,
        cost_sign,
        ms_subscription_id,
        currency,
        start_date as item_start,
        end_date as item_end,
        invoice_date,
        invoice_code as document_code,
        total_cost as cost,
        unit_cost as compared_unit_cost,
        quantity as compared_quantity,
        quantity,
        is_credit,
        cast(null as decimal(38, 12)) as tax,
        -- as the source has them
        cast(null as string) as csp_partner,
        product_type,
        product,
        account_id,
        billing_account_id,
        bss_subscription_id,
        unit_price,
        discount_percent,
        final_amount,
        invoice_type,
        invoice_stage,
        invoice_due_date,
        account_name as customer_name,
        cast(null as string) as publisher_name,
        cast(null as string) as charge_type,
        cast(null as date) as subscription_start_date,
        cast(null as date) as subscription_end_date,
        cast(null as decimal(38, 12)) as total
    from bss

),

microsoft_lines as (

    select
        'ms' as side,
        case product_type when 'NCE' then 'ms_recon_nce' else 'ms_recon_legacy' end as source,
        source_month,
        source_file,
        source_row,
        'in_scope' as scope,
        1 as cost_sign,
        ms_subscription_id,
        currency,
        charge_start_date as item_start,
        charge_end_date as item_end,
        cast(null as date) as invoice_date,
        invoice_number as document_code,
        subtotal as cost,
        -- Of new commerce what the subtotal is made of, where the line has both (5.20).
        case when is_billable then effective_unit_price else unit_price end as compared_unit_cost,
        case when is_billable then billable_quantity else quantity end as compared_quantity,
        quantity,
        coalesce(lower(charge_type) = 'customercredit', false) as is_credit,
        tax,
        csp_partner,
        product_type,
        product,
        cast(null as string) as account_id,
        cast(null as string) as billing_account_id,
        cast(null as string) as bss_subscription_id,
        unit_price,
        cast(null as decimal(38, 12)) as discount_percent,
        cast(null as decimal(38, 12)) as final_amount,
        cast(null as string) as invoice_type,
        cast(null as string) as invoice_stage,
        cast(null as date) as invoice_due_date,
        customer_name,
        publisher_name,
        charge_type,
        subscription_start_date,
        subscription_end_date,
        total
    from microsoft

),

lines as (

    select * from bss_lines
    union all
    select * from microsoft_lines

),

final as (

    select
        *,
        item_start is not null and item_end is not null as is_dated,
        coalesce({{ d30('item_start', 'item_end') }} > 30, false) as is_longer_than_month
    from lines

)

select * from final
