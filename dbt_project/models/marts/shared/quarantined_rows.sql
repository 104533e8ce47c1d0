with rejected as (

    select * from {{ source('raw', 'quarantined_rows') }}

),

windows as (

    select distinct
        subject,
        source
    from {{ ref('source_windows') }}
    where subject in ('{{ var("subjects") | join("', '") }}')

),

-- By hand, without target months, every landed month.
final as (

    select
        cast(rejected.month || '-01' as date) as billing_month,
        windows.subject as reconciliation,
        {{ sha256_hex("'quarantine|' || rejected.source || '|' || rejected.month || '|' || rejected.source_file || '|' || cast(rejected.source_row as string)") }}
            as reconciliation_key,
        rejected.source,
        rejected.month,
        rejected.source_file,
        rejected.source_row,
        rejected.source_line,
        rejected.column_name,
        rejected.value,
        rejected.reason,
        rejected.raw_row,
        rejected.subscription_id,
        rejected.invoice_number,
        rejected.meter_id,
        rejected.comparison,
        rejected.document_number,
        rejected.supplier_tin,
        {{ publication_columns() }}
    from rejected
    inner join windows on rejected.source = windows.source
    where rejected.month in ('{{ target_months() | join("', '") }}')

)

select * from final
