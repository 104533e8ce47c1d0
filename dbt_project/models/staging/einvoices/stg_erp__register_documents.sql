{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
-- One row per register row, as it is compared.
{{ register_documents(ref('stg_erp__register_rows')) }}
