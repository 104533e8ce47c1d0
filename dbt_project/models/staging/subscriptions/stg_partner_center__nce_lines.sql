with lines as (

    select * from {{ source('raw', 'ms_recon_nce') }}

),

final as (

    select
        -- ids
        {{ subscription_id('subscription_id') }} as ms_subscription_id,
        partner_id as csp_partner,
        customer_id,
        invoice_number,
        source_file,
        source_row,

        -- text
        'NCE' as product_type,
        product_name as product,
        partner_name,
        customer_name,
        publisher_name,
        charge_type,
        upper(currency) as currency,

        -- numerics
        quantity,
        unit_price,
        billable_quantity,
        effective_unit_price,
        billable_quantity is not null and effective_unit_price is not null as is_billable,
        subtotal,
        tax_total as tax,
        total,

        -- dates
        billing_month as source_month,
        subscription_start_date,
        subscription_end_date,
        charge_start_date,
        charge_end_date
    from lines

)

select * from final
