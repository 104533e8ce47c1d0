-- One row per month and comparison: a row set for every kind of cost export that the month has (4).
with exports as (

    select * from {{ source('raw', 'azure_cost_export_files') }}

),

usage_files as (

    select
        billing_month,
        max(case when has_manifest then 1 else 0 end) as has_manifest,
        max(created_at) as newest_created_at
    from {{ source('raw', 'azure_invoice_usage_files') }}
    group by billing_month

),

-- Restated: an export was run again after the usage was made. Instants are sortable UTC texts.
final as (

    select
        exports.billing_month,
        exports.comparison,
        max(case
            when exports.has_older_run and usage_files.has_manifest = 1
                and exports.submitted_at > coalesce(usage_files.newest_created_at, '')
                then 1
            else 0
        end) = 1 as is_restated,
        row_number() over (
            partition by exports.billing_month
            order by
                case exports.comparison when 'actual_cost' then 1 when 'amortized_cost' then 2 else 3 end
        ) = 1 as is_default
    from exports
    inner join {{ ref('int_usage__periods') }} as periods on exports.billing_month = periods.billing_month
    left join usage_files on exports.billing_month = usage_files.billing_month
    group by exports.billing_month, exports.comparison

)

select * from final
