{{ config(materialized='view') }}
-- One row per document of either side that is in a pair, and the pair's month; every row of a group is.
with pairs as (

    select * from {{ ref('int_einvoices__pairs') }}

)

select 'left' as side, register_id as document_id, einvoice_id as pair_id, billing_month
from pairs
where pass not in ('consolidated', 'consolidated_lines')
union all
select 'left' as side, grouped.register_id as document_id, pairs.einvoice_id as pair_id, pairs.billing_month
from {{ ref('int_einvoices__group_members') }} as grouped
inner join pairs on grouped.pass = pairs.pass and grouped.einvoice_id = pairs.einvoice_id
union all
select 'right' as side, einvoice_id as document_id, einvoice_id as pair_id, billing_month from pairs
