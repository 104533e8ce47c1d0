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

histories as (

    select
        source,
        min(source_month) as first_month
    from landed
    group by source

),

-- One row per month, source and month of its window. What lies before a source's first month is absent for good.
final as (

    select
        periods.billing_month,
        windows.source,
        {{ add_months('periods.billing_month', 'offsets.month_offset') }} as source_month,
        offsets.month_offset,
        windows.required
        and (
            offsets.month_offset = 0
            or histories.first_month is null
            or {{ add_months('periods.billing_month', 'offsets.month_offset') }} >= histories.first_month
        ) as required,
        landed.source is not null as is_present,
        landed.source_files
    from periods
    cross join windows
    inner join offsets on offsets.month_offset between windows.from_offset and windows.to_offset
    left join histories on windows.source = histories.source
    left join landed
        on
            windows.source = landed.source
            and landed.source_month = {{ add_months('periods.billing_month', 'offsets.month_offset') }}

)

select * from final
