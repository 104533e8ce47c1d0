-- Cost export lines of the target months with their scope: usage, rounding (adjustments) or other (rules 4 to 6).
with lines as (

    select * from {{ source('raw', 'azure_cost_export') }}

),

final as (

    select
        -- ids
        comparison,
        export_id,
        nullif(trim(invoice_id), '') as own_invoice_number,
        {{ usage_id('customer_id') }} as customer_id,
        {{ azure_subscription_id('subscription_id') }} as azure_subscription_id,
        {{ usage_id('meter_id') }} as meter_id,
        {{ usage_id('resource_id') }} as resource_id,
        source_file,
        source_row,

        -- text
        upper(currency) as currency,
        charge_type,
        publisher_type,
        price_basis,
        meter_name,
        meter_category,
        meter_sub_category as meter_subcategory,
        meter_region,
        case
            when comparison = 'focus' and lower(charge_type) = 'usage'
                then case when lower(coalesce(commitment_discount_status, '')) = 'unused' then 'other' else 'usage' end
            when lower(charge_type) = 'usage' then 'usage'
            when lower(charge_type) = 'roundingadjustment' then 'rounding'
            else 'other'
        end as scope,

        -- numerics
        quantity,
        cost as amount,

        -- dates
        billing_month,
        usage_date
    from lines
    where billing_month in (
        {% for month in target_months('usage') %}{{ month_start(month) }}{{ ', ' if not loop.last }}{% else %}cast(null as date){% endfor %}
    )

)

select * from final
