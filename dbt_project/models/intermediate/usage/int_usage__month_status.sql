{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with periods as (

    select billing_month from {{ ref('int_usage__periods') }}

),

usage_rows as (

    select billing_month, sum(line_count) as row_count
    from {{ ref('int_usage__usage_spellings') }}
    group by billing_month

),

cost_rows as (

    select
        billing_month,
        sum(line_count) as row_count,
        sum(case when selection <> 'out_of_scope' then line_count else 0 end) as selected_count,
        sum(case when selection = 'out_of_scope' then line_count else 0 end) as out_of_scope_count
    from {{ ref('int_usage__cost_classified') }}
    group by billing_month

),

rejected as (

    select
        billing_month,
        sum(case when source = 'azure_invoice_usage' then quarantined else 0 end) as left_count,
        sum(case when source = 'azure_cost_export' then quarantined else 0 end) as right_count
    from {{ source('raw', 'loads') }}
    group by billing_month

),

paired as (

    select
        billing_month,
        count(case when usage_line_count > 0 and cost_line_count > 0 then 1 end) as paired_count,
        count(case when usage_line_count = 0 or cost_line_count = 0 then 1 end) as missing_count
    from {{ ref('int_usage__verdicts') }}
    where is_default
    group by billing_month

),

final as (

    select
        periods.billing_month,
        coalesce(usage_rows.row_count, 0) + coalesce(rejected.left_count, 0) as left_rows_in,
        coalesce(usage_rows.row_count, 0) as left_rows_selected,
        0 as left_rows_out_of_selection,
        0 as left_rows_out_of_scope,
        coalesce(rejected.left_count, 0) as left_rows_quarantined,
        coalesce(cost_rows.row_count, 0) + coalesce(rejected.right_count, 0) as right_rows_in,
        coalesce(cost_rows.selected_count, 0) as right_rows_selected,
        0 as right_rows_out_of_selection,
        coalesce(cost_rows.out_of_scope_count, 0) as right_rows_out_of_scope,
        coalesce(rejected.right_count, 0) as right_rows_quarantined,
        coalesce(paired.paired_count, 0) as paired_count,
        coalesce(paired.missing_count, 0) as missing_count
    from periods
    left join usage_rows on periods.billing_month = usage_rows.billing_month
    left join cost_rows on periods.billing_month = cost_rows.billing_month
    left join rejected on periods.billing_month = rejected.billing_month
    left join paired on periods.billing_month = paired.billing_month

)

select * from final
