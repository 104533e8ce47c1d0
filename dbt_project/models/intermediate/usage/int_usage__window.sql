-- One row per month, source and month of its window. A month that has not been over for some days is provisional
-- (rule 14): the days are one more thing to wait for.
with periods as (

    select * from {{ ref('int_usage__periods') }}

),

landed as (

    select
        source,
        billing_month as source_month,
        {{ sorted_join('source_file', ', ') }} as source_files
    from {{ source('raw', 'loads') }}
    group by source, billing_month

),

sources as (

    select
        periods.billing_month,
        windows.source,
        periods.billing_month as source_month,
        0 as month_offset,
        windows.required,
        landed.source is not null as is_present,
        landed.source_files
    from periods
    cross join {{ ref('source_windows') }} as windows
    left join landed
        on windows.source = landed.source and periods.billing_month = landed.source_month
    -- What no month needs is only named where it has landed.
    where windows.subject = 'usage' and (windows.required or landed.source is not null)

),

final as (

    select * from sources
    union all
    select
        billing_month,
        'days_to_settle',
        billing_month,
        1,
        true,
        is_settled,
        cast(null as string)
    from periods

)

select * from final
