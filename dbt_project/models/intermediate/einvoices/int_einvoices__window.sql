with periods as (

    select billing_month from {{ ref('int_einvoices__periods') }}

),

windows as (

    select * from {{ ref('source_windows') }}
    where subject = 'einvoices'

),

offsets as (

    {% for offset in range(-12, 13) %}
    select {{ offset }} as month_offset {% if not loop.last %} union all {% endif %}
    {% endfor %}

),

landed as (

    select
        source,
        billing_month as source_month,
        {{ sorted_join('source_file', ', ') }} as source_files
    from {{ source('raw', 'loads') }}
    group by source, billing_month

),

months as (

    select
        periods.billing_month,
        windows.source,
        {{ add_months('periods.billing_month', 'offsets.month_offset') }} as source_month,
        offsets.month_offset,
        landed.source is not null as is_present,
        landed.source_files,
        case when windows.source = 'einvoices' then 'einvoice' else 'register' end as kind
    from periods
    cross join windows
    inner join offsets on offsets.month_offset between windows.from_offset and windows.to_offset
    left join landed
        on
            windows.source = landed.source
            and landed.source_month = {{ add_months('periods.billing_month', 'offsets.month_offset') }}

),

registers as (

    select min(source_month) as first_month
    from landed
    where source <> 'einvoices'

),

-- One row per month, source and month of its window. Of the two registers one is enough: the absent one is required
-- only where the other is absent too. What lies before the first register is absent for good. E-invoices are required
-- from the month itself on (6.4).
final as (

    select
        billing_month,
        source,
        source_month,
        month_offset,
        case
            when kind = 'einvoice' then month_offset >= 0
            when month_offset <> 0 and source_month < registers.first_month then false
            else is_present
                or max(case when is_present then 1 else 0 end) over (partition by billing_month, kind, month_offset) = 0
        end as required,
        is_present,
        source_files
    from months
    cross join registers

)

select * from final
