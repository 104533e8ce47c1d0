-- No document is in two rows of the mart.
select billing_month, source_file, source_row, count(*) as row_count
from (
    select billing_month, register_source_file as source_file, register_source_row as source_row
    from {{ ref('einvoice_reconciliation') }}
    where register_source_file is not null
    union all
    select billing_month, einvoice_source_file, einvoice_source_row
    from {{ ref('einvoice_reconciliation') }}
    where einvoice_source_file is not null
) as documents
group by billing_month, source_file, source_row
having count(*) > 1
