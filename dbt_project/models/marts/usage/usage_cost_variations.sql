-- Each row is judged by its own numbers; only category moves, currencies, days that an export lacks and what
-- explains a price come from the grid row (5).
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
{%- set explanation -%}
case
            when status = 'matched' then null
            when status = 'not_comparable' then 'currency'
            when grid_explanation = 'category_move' then 'category_move'
            when grid_explanation = 'partial_export' and is_lacking and (usage_amount <> 0 or cost_amount <> 0)
                then 'partial_export'
            when grid_explanation in ('lost_credit', 'promotion') and {{ usage_explanation() }} = 'price' then grid_explanation
            else {{ usage_explanation() }}
        end
{%- endset %}
with variations as (

    select
        billing_month,
        {% for column in usage_grid_texts() -%}
        {{ column }},
        {% endfor -%}
        usage_date,
        resource_id,
        usage_quantity,
        cost_quantity,
        usage_amount,
        cost_amount,
        rounding_adjustment_amount,
        usage_line_count,
        cost_line_count,
        is_retail,
        is_not_comparable,
        grid_explanation,
        minor_unit,
        is_restated,
        has_rejected_records,
        is_lacking,
        {{ usage_tolerance('minor_unit', 'usage_line_count') }} as tolerance
    from {{ ref('int_usage__variations') }}

),

judged as (

    select
        *,
        {{ usage_key(['meter_id']) }} as grid_reconciliation_key,
        case
            when usage_line_count = 0 and cost_line_count = 0 then 'matched'
            when is_not_comparable then 'not_comparable'
            else {{ usage_status() }}
        end as status
    from variations

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
        {{ one_of("case when is_retail then 'retail' else 'partner' end", ['partner', 'retail']) }} as price_basis,
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
        {{ one_of('status', ['matched', 'mismatched', 'missing_in_cost', 'missing_in_usage', 'not_comparable']) }} as status,
        {{ one_of(explanation, [
            'currency', 'category_move', 'zero_amount', 'partial_export', 'missing_side', 'rounding', 'quantity', 'lost_credit',
            'promotion', 'price', 'unit', 'restated', 'rejected_records', 'unexplained',
        ]) }} as explanation,
        has_rejected_records,
        {{ publication_columns() }}
    from judged

)

select * from final
