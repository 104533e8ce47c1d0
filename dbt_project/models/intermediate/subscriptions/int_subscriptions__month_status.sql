{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with periods as (

    select * from {{ ref('int_subscriptions__periods') }}

),

lines as (

    select * from {{ ref('int_subscriptions__control_totals') }}

),

verdicts as (

    select * from {{ ref('int_subscriptions__verdicts') }}

),

sources as (

    select
        source,
        case source when 'bss_invoices' then 'left' else 'right' end as side
    from {{ ref('source_windows') }}
    where subject = 'subscriptions'

),

loads as (

    select
        loads.*,
        sources.side
    from {{ source('raw', 'loads') }} as loads
    inner join sources on loads.source = sources.source

),

rejected as (

    select
        periods.billing_month,
        sum(case when loads.side = 'left' then loads.quarantined else 0 end) as left_rows_quarantined,
        sum(case when loads.side = 'right' then loads.quarantined else 0 end) as right_rows_quarantined
    from periods
    inner join loads
        on
            (loads.side = 'left' and loads.billing_month between periods.bss_window_start and periods.bss_window_end)
            or (loads.side = 'right' and loads.billing_month between periods.ms_window_start and periods.ms_window_end)
    group by periods.billing_month

),

counted as (

    select
        billing_month,
        sum(case when side = 'left' then row_count else 0 end) as left_rows,
        sum(case when side = 'left' and selection = 'selected' then row_count else 0 end) as left_rows_selected,
        sum(case when side = 'left' and selection = 'out_of_selection' then row_count else 0 end)
            as left_rows_out_of_selection,
        sum(case when side = 'left' and selection not in ('selected', 'out_of_selection') then row_count else 0 end)
            as left_rows_out_of_scope,
        sum(case when side = 'right' then row_count else 0 end) as right_rows,
        sum(case when side = 'right' and selection = 'selected' then row_count else 0 end) as right_rows_selected,
        sum(case when side = 'right' and selection = 'out_of_selection' then row_count else 0 end)
            as right_rows_out_of_selection,
        sum(case when side = 'right' and selection not in ('selected', 'out_of_selection') then row_count else 0 end)
            as right_rows_out_of_scope
    from lines
    group by billing_month

),

paired as (

    select
        billing_month,
        count(case when is_in_bss and is_in_ms then 1 end) as paired_count,
        count(case when not (is_in_bss and is_in_ms) then 1 end) as missing_count
    from verdicts
    group by billing_month

),

final as (

    select
        periods.billing_month,
        coalesce(counted.left_rows, 0) + coalesce(rejected.left_rows_quarantined, 0) as left_rows_in,
        coalesce(counted.left_rows_selected, 0) as left_rows_selected,
        coalesce(counted.left_rows_out_of_selection, 0) as left_rows_out_of_selection,
        coalesce(counted.left_rows_out_of_scope, 0) as left_rows_out_of_scope,
        coalesce(rejected.left_rows_quarantined, 0) as left_rows_quarantined,
        coalesce(counted.right_rows, 0) + coalesce(rejected.right_rows_quarantined, 0) as right_rows_in,
        coalesce(counted.right_rows_selected, 0) as right_rows_selected,
        coalesce(counted.right_rows_out_of_selection, 0) as right_rows_out_of_selection,
        coalesce(counted.right_rows_out_of_scope, 0) as right_rows_out_of_scope,
        coalesce(rejected.right_rows_quarantined, 0) as right_rows_quarantined,
        coalesce(paired.paired_count, 0) as paired_count,
        coalesce(paired.missing_count, 0) as missing_count
    from periods
    left join counted on periods.billing_month = counted.billing_month
    left join rejected on periods.billing_month = rejected.billing_month
    left join paired on periods.billing_month = paired.billing_month

)

select * from final
