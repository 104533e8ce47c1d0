with months as (

    {% for month in target_months('subscriptions') -%}
        select {{ month_start(month) }} as period_start
        {%- if not loop.last %} union all {% endif %}
    {% else -%}
    select cast(null as date) as period_start where false
    {%- endfor %}

),

windows as (

    select
        source,
        from_offset,
        to_offset
    from {{ ref('source_windows') }}
    where subject = 'subscriptions'

),

-- Both Microsoft sources share one window.
offsets as (

    select
        max(case when source = 'bss_invoices' then from_offset end) as bss_from,
        max(case when source = 'bss_invoices' then to_offset end) as bss_to,
        max(case when source = 'ms_recon_nce' then from_offset end) as ms_from,
        max(case when source = 'ms_recon_nce' then to_offset end) as ms_to
    from windows

),

final as (

    select
        months.period_start as billing_month,
        months.period_start,
        last_day(months.period_start) as period_end,
        {{ add_months('months.period_start', 'offsets.bss_from') }} as bss_window_start,
        last_day({{ add_months('months.period_start', 'offsets.bss_to') }}) as bss_window_end,
        {{ add_months('months.period_start', 'offsets.ms_from') }} as ms_window_start,
        {{ add_months('months.period_start', 'offsets.ms_to') }} as ms_window_end
    from months
    cross join offsets

)

select * from final
