-- The verdicts with what explains a difference. A view: it adds little, and copying the grid once more costs more.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with verdicts as (

    select * from {{ ref('int_usage__verdicts') }}

),

moves as (

    select * from {{ ref('int_usage__category_moves') }}

),

rejected as (

    select distinct verdicts.grid_id
    from verdicts
    inner join {{ ref('int_usage__rejected') }} as records
        on {{ concerned_by('records', 'verdicts') }} and verdicts.meter_id is not distinct from records.meter_id

),

final as (

    select
        verdicts.*,
        rejected.grid_id is not null as has_rejected_records,
        coalesce(promotions.promotion_amount, 0) as promotion_amount,
        case
            when verdicts.status = 'matched' then null
            when verdicts.status = 'not_comparable' then 'currency'
            when moves.grid_id is not null then 'category_move'
            when partial.grid_id is not null and (usage_amount <> 0 or cost_amount <> 0) then 'partial_export'
            when {{ is_price_of('-lost_credit_amount') }} then 'lost_credit'
            when {{ is_price_of('promotions.promotion_amount') }} then 'promotion'
        end as grid_explanation
    from verdicts
    left join moves on verdicts.grid_id = moves.grid_id
    left join {{ ref('int_usage__partial_exports') }} as partial on verdicts.grid_id = partial.grid_id
    left join rejected on verdicts.grid_id = rejected.grid_id
    left join {{ ref('int_usage__promotions') }} as promotions
        on
            verdicts.billing_month = promotions.billing_month
            and verdicts.invoice_number = promotions.invoice_number
            and verdicts.azure_subscription_id is not distinct from promotions.azure_subscription_id
            and verdicts.currency = promotions.currency
            and verdicts.meter_id is not distinct from promotions.meter_id

)

select
    final.*,
    case when status <> 'matched' then coalesce(grid_explanation, {{ usage_explanation() }}) end as explanation
from final
