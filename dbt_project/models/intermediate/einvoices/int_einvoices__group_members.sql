{{ config(materialized='view') }}
-- One row per register row that is part of a group, and the pass that put it there.
select register_id, einvoice_id, 'consolidated' as pass from {{ ref('int_einvoices__consolidated') }}
union all
select register_id, einvoice_id, 'consolidated_lines' as pass from {{ ref('int_einvoices__line_members') }}
