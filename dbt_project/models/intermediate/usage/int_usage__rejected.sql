{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Of which invoice, subscription and meter the month's files hold a record that was rejected (intake.md, 9). What names
-- no invoice may belong to any; what billed usage lacks, every comparison lacks.
select distinct
    cast(month || '-01' as date) as billing_month,
    case when source = 'azure_cost_export' then comparison end as comparison,
    {{ stated('invoice_number') }} as invoice_number,
    {{ azure_subscription_id('subscription_id') }} as azure_subscription_id,
    {{ usage_id('meter_id') }} as meter_id
from {{ source('raw', 'quarantined_rows') }}
where source in ('azure_invoice_usage', 'azure_cost_export') and subscription_id is not null
