{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
{#- 13 rows per pair: a view, so that a build does not store what the publication writes anyway. -#}
{{ einvoice_fields('pass is not null') }}
