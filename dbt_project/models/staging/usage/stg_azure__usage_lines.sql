-- Billed usage of the target months, as it is compared; every line is in scope whatever its charge type (rule 4).
with lines as (

    select * from {{ source('raw', 'azure_invoice_usage') }}

),

final as (

    select
        -- ids
        trim(invoice_number) as invoice_number,
        {{ usage_id('customer_id') }} as customer_id,
        {{ azure_subscription_id('entitlement_id') }} as azure_subscription_id,
        {{ usage_id('meter_id') }} as meter_id,
        {{ usage_id('resource_uri') }} as resource_id,
        source_file,
        source_row,

        -- text
        upper(currency) as currency,
        meter_name,
        meter_category,
        meter_sub_category as meter_subcategory,
        meter_region,

        -- numerics
        quantity,
        billing_pre_tax_total as amount,

        -- dates
        billing_month,
        usage_date
    from lines
    where billing_month in (
        {% for month in target_months('usage') %}{{ month_start(month) }}{{ ', ' if not loop.last }}{% else %}cast(null as date){% endfor %}
    )

)

select * from final
