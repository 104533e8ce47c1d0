-- Cost export lines of the target months with their scope: usage, rounding (adjustments) or other (rules 4 to 6).
with lines as (

    select * from {{ source('raw', 'azure_cost_export') }}

),

final as (

    select
        -- ids
        comparison,
        export_id,
        {{ cost_line_keys() }},
        {{ usage_id('resource_id') }} as resource_id,
        source_file,
        source_row,

        -- text
        charge_type,
        publisher_type,
        price_basis,
        meter_name,
        meter_category,
        meter_sub_category as meter_subcategory,
        meter_region,
        {{ cost_scope() }} as scope,

        -- numerics
        quantity,
        cost as amount,

        -- dates
        billing_month,
        usage_date
    from lines
    where {{ in_target_months() }}

)

select * from final
