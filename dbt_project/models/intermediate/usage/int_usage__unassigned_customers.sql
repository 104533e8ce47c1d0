{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Customers of whom in-scope cost could not be assigned: all their in-scope rows of that comparison are unassigned (rule 3).
select distinct
    billing_month,
    comparison,
    deciding_customer_id as customer_id
from {{ ref('int_usage__cost_invoices') }}
where is_spreading
