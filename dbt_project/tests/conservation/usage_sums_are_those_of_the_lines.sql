-- Raw lines = grid = summary = variations, in amount and lines, per month, comparison, side and currency; the cost lines
-- beside them are out of scope or adjustments. A missing counterpart counts as 0, never as a match.
with lines as (

    select
        comparisons.billing_month, comparisons.comparison, 'usage' as side, raw.currency,
        sum(raw.amount) as amount, count(*) as line_count
    from {{ ref('stg_azure__usage_lines') }} as raw
    inner join {{ ref('int_usage__comparisons') }} as comparisons on raw.billing_month = comparisons.billing_month
    group by comparisons.billing_month, comparisons.comparison, raw.currency
    union all
    select billing_month, comparison, 'cost', currency, sum(amount), count(*)
    from {{ ref('stg_azure__cost_lines') }}
    group by billing_month, comparison, currency

),

{% for mart in ['usage_cost_summary', 'usage_cost_reconciliation', 'usage_cost_variations'] -%}
{{ mart }}_totals as (

    select billing_month, comparison, 'usage' as side, currency, sum(usage_amount) as amount, sum(usage_line_count) as line_count,
        cast(0 as decimal(38, 12)) as rounding
    from {{ ref(mart) }}
    group by billing_month, comparison, currency
    union all
    select billing_month, comparison, 'cost', currency, sum(cost_amount), sum(cost_line_count), sum(rounding_adjustment_amount)
    from {{ ref(mart) }}
    group by billing_month, comparison, currency

),

{% endfor -%}
besides as (

    select billing_month, comparison, 'cost' as side, currency, sum(amount) as amount,
        sum(case when selection = 'out_of_scope' then line_count else 0 end) as out_of_scope_count,
        sum(line_count) as line_count,
        sum(case when selection = 'rounding' then amount else 0 end) as rounding
    from {{ ref('int_usage__cost_classified') }}
    where selection <> 'usage'
    group by billing_month, comparison, currency

),

mart_besides as (

    select billing_month, comparison, 'cost' as side, currency, sum(cost_amount) as amount, sum(cost_line_count) as line_count
    from {{ ref('usage_cost_out_of_scope') }}
    group by billing_month, comparison, currency

)

select
    billing_month, comparison, side, currency,
    lines.amount as raw_amount, grid.amount as grid_amount, summary.amount as summary_amount,
    variations.amount as variations_amount, besides.amount as beside_amount
from lines
full outer join usage_cost_reconciliation_totals as grid using (billing_month, comparison, side, currency)
full outer join usage_cost_summary_totals as summary using (billing_month, comparison, side, currency)
full outer join usage_cost_variations_totals as variations using (billing_month, comparison, side, currency)
full outer join besides using (billing_month, comparison, side, currency)
full outer join mart_besides using (billing_month, comparison, side, currency)
where
    coalesce(lines.amount, 0) <> coalesce(grid.amount, 0) + coalesce(besides.amount, 0)
    or coalesce(lines.line_count, 0) <> coalesce(grid.line_count, 0) + coalesce(besides.line_count, 0)
    or coalesce(grid.amount, 0) <> coalesce(summary.amount, 0)
    or coalesce(grid.amount, 0) <> coalesce(variations.amount, 0)
    or coalesce(grid.line_count, 0) <> coalesce(summary.line_count, 0)
    or coalesce(grid.line_count, 0) <> coalesce(variations.line_count, 0)
    or coalesce(grid.rounding, 0) <> coalesce(besides.rounding, 0)
    or coalesce(summary.rounding, 0) <> coalesce(besides.rounding, 0)
    or coalesce(variations.rounding, 0) <> coalesce(besides.rounding, 0)
    or coalesce(mart_besides.amount, 0) <> coalesce(besides.amount, 0) - coalesce(besides.rounding, 0)
    or coalesce(mart_besides.line_count, 0) <> coalesce(besides.out_of_scope_count, 0)
