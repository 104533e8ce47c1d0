with lines as (

    select * from {{ source('raw', 'ms_recon_legacy') }}

),

final as (

    select
        -- ids: the column SubscriptionId of these files is internal to Microsoft
        {{ subscription_id('syndication_partner_subscription_number') }} as ms_subscription_id,
        partner_id as csp_partner,
        customer_id,
        cast(null as string) as invoice_number,
        source_file,
        source_row,

        -- text
        'Legacy' as product_type,
        offer_name as product,
        partner_name,
        customer_name,
        cast(null as string) as publisher_name,
        charge_type,
        upper(currency) as currency,

        -- numerics
        quantity,
        unit_price,
        cast(null as decimal(38, 12)) as billable_quantity,
        cast(null as decimal(38, 12)) as effective_unit_price,
        false as is_billable,
        subtotal,
        tax,
        total_for_customer as total,

        -- dates
        billing_month as source_month,
        subscription_start_date,
        subscription_end_date,
        charge_start_date,
        charge_end_date
    from lines

)

select * from final
