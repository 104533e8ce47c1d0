-- Each row is judged by its own numbers; only category moves, currencies, days that an export lacks and what
-- explains a price come from the grid row (5).
with variations as (

    select * from {{ ref('int_usage__variations') }}

),

grid as (

    select * from {{ ref('int_usage__explained') }}

),

joined as (

    select
        variations.*,
        grid.billing_month,
        grid.comparison,
        grid.invoice_number,
        grid.azure_subscription_id,
        grid.currency,
        grid.meter_id,
        grid.meter_name,
        grid.meter_category,
        grid.meter_subcategory,
        grid.meter_region,
        grid.reconciliation_key as grid_reconciliation_key,
        grid.status as grid_status,
        grid.grid_explanation,
        grid.minor_unit,
        grid.is_restated,
        grid.has_rejected_records,
        lacking.day is not null as is_lacking,
        {{ usage_tolerance('grid.minor_unit', 'variations.usage_line_count') }} as tolerance
    from variations
    inner join grid on variations.grid_id = grid.grid_id
    left join {{ ref('int_usage__lacking_days') }} as lacking
        on grid.comparison = lacking.comparison and variations.usage_date = lacking.day

),

judged as (

    select
        *,
        case
            when usage_line_count = 0 and cost_line_count = 0 then 'matched'
            when grid_status = 'not_comparable' then 'not_comparable'
            else {{ usage_status() }}
        end as status
    from joined

),

final as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        meter_id,
        usage_date,
        resource_id,
        meter_name,
        meter_category,
        meter_subcategory,
        meter_region,
        {{ sha256_hex("'usage_variation|' || grid_reconciliation_key || '|' || cast(usage_date as string) || '|' || coalesce(resource_id, '')") }}
            as reconciliation_key,
        grid_reconciliation_key,
        price_basis,
        usage_quantity,
        cost_quantity,
        case when status <> 'not_comparable' then cost_quantity - usage_quantity end as quantity_variation,
        usage_amount,
        cost_amount,
        case when status <> 'not_comparable' then cost_amount - usage_amount end as amount_variation,
        case when status <> 'not_comparable' then {{ exact_percent('(cost_amount - usage_amount)', 'usage_amount') }} end
            as amount_variation_percent,
        rounding_adjustment_amount,
        usage_line_count,
        cost_line_count,
        tolerance,
        status,
        case
            when status = 'matched' then null
            when status = 'not_comparable' then 'currency'
            when grid_explanation = 'category_move' then 'category_move'
            when grid_explanation = 'partial_export' and is_lacking and (usage_amount <> 0 or cost_amount <> 0)
                then 'partial_export'
            when grid_explanation in ('lost_credit', 'promotion') and {{ usage_explanation() }} = 'price' then grid_explanation
            else {{ usage_explanation() }}
        end as explanation,
        has_rejected_records,
        {{ publication_columns() }}
    from judged

)

select * from final
