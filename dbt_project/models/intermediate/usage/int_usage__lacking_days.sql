{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Days that the newest run of an export lacks, though a run that it replaces had them (intake.md, 7).
select distinct cast(date_trunc('month', day) as date) as billing_month, comparison, day
from {{ source('raw', 'azure_cost_export_lacking_days') }}
