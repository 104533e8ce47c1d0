-- Billed usage of the target months, as it is compared; every line is in scope whatever its charge type (rule 4).
with lines as (

    select * from {{ source('raw', 'azure_invoice_usage') }}

),

final as (

    select
        -- ids
        {{ usage_line_keys() }},
        {{ usage_id('resource_uri') }} as resource_id,
        source_file,
        source_row,

        -- text
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
    where {{ in_target_months() }}

)

select * from final
