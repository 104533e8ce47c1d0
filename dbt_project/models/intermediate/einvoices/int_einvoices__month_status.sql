{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with periods as (

    select * from {{ ref('int_einvoices__periods') }}

),

counted as (

    select
        billing_month,
        {% for side in ['left', 'right'] -%}
        sum(case when side = '{{ side }}' and selection <> 'out_of_selection' then row_count else 0 end) as {{ side }}_rows_selected,
        sum(case when side = '{{ side }}' and selection = 'out_of_selection' then row_count else 0 end) as {{ side }}_rows_out_of_selection
        {{- ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_einvoices__accounted') }}
    group by billing_month

),

rejected as (

    select
        billing_month,
        sum(case when source <> 'einvoices' then quarantined else 0 end) as left_rows_quarantined,
        sum(case when source = 'einvoices' then quarantined else 0 end) as right_rows_quarantined
    from {{ source('raw', 'loads') }}
    where source in ('erp_sales_register', 'erp_purchase_register', 'einvoices')
    group by billing_month

),

verdicts as (

    select
        billing_month,
        count(case when pass is not null then 1 end) as paired_count,
        count(case when pass is null then 1 end) as missing_count
    from {{ ref('int_einvoices__rows') }}
    group by billing_month

),

final as (

    select
        periods.billing_month,
        {% for side in ['left', 'right'] -%}
        coalesce(counted.{{ side }}_rows_selected, 0) + coalesce(counted.{{ side }}_rows_out_of_selection, 0)
        + coalesce(rejected.{{ side }}_rows_quarantined, 0) as {{ side }}_rows_in,
        coalesce(counted.{{ side }}_rows_selected, 0) as {{ side }}_rows_selected,
        coalesce(counted.{{ side }}_rows_out_of_selection, 0) as {{ side }}_rows_out_of_selection,
        0 as {{ side }}_rows_out_of_scope,
        coalesce(rejected.{{ side }}_rows_quarantined, 0) as {{ side }}_rows_quarantined,
        {% endfor -%}
        coalesce(verdicts.paired_count, 0) as paired_count,
        coalesce(verdicts.missing_count, 0) as missing_count
    from periods
    left join counted on periods.billing_month = counted.billing_month
    left join rejected on periods.billing_month = rejected.billing_month
    left join verdicts on periods.billing_month = verdicts.billing_month

)

select * from final
