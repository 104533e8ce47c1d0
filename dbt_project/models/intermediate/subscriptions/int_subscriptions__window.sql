with periods as (

    select billing_month from {{ ref('int_subscriptions__periods') }}

),

windows as (

    select * from {{ ref('source_windows') }}
    where subject = 'subscriptions'

),

loads as (

    select * from {{ source('raw', 'loads') }}

),

offsets as (

    {% for offset in range(-12, 13) %}
        select {{ offset }} as month_offset
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

landed as (

    select
        source,
        billing_month as source_month,
        {{ sorted_join('source_file', ', ') }} as source_files
    from loads
    group by source, billing_month

),

-- One row per month, source and month of its window.
final as (

    select
        periods.billing_month,
        windows.source,
        {{ add_months('periods.billing_month', 'offsets.month_offset') }} as source_month,
        offsets.month_offset,
        windows.required,
        landed.source is not null as is_present,
        landed.source_files
    from periods
    cross join windows
    inner join offsets on offsets.month_offset between windows.from_offset and windows.to_offset
    left join landed
        on
            windows.source = landed.source
            and landed.source_month = {{ add_months('periods.billing_month', 'offsets.month_offset') }}

)

select * from final
