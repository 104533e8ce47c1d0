{{ config(materialized='view') }}
-- One row per document of either side that is in a pair, and the month of its row; every row of a group is in its pair.
with pairs as (

    select * from {{ ref('int_einvoices__pairs') }}

)

select 'left' as side, register_id as document_id, einvoice_id as pair_id, billing_month
from pairs
where pass not in ('consolidated', 'consolidated_lines')
union all
select
    'left' as side, grouped.register_id as document_id, pairs.einvoice_id as pair_id,
    coalesce(shares.billing_month, pairs.billing_month) as billing_month
from {{ ref('int_einvoices__group_members') }} as grouped
inner join pairs on grouped.pass = pairs.pass and grouped.einvoice_id = pairs.einvoice_id
inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on grouped.register_id = registers.register_id
left join {{ ref('int_einvoices__group_shares') }} as shares
    on grouped.einvoice_id = shares.einvoice_id and registers.billing_month = shares.billing_month
union all
select 'right' as side, einvoice_id as document_id, einvoice_id as pair_id, billing_month from pairs
