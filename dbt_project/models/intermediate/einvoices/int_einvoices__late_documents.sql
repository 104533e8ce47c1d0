{{ config(materialized='view') }}
-- Register documents and e-invoices that found each other across months, as a late pair or in a group of a disclosed
-- e-invoice: of a group, one row per register document and month that has a row of the group.
select register_id, einvoice_id, billing_month, einvoice_month
from {{ ref('int_einvoices__late_pairs') }}
where is_made
union all
select grouped.register_id, e.einvoice_id, months.billing_month, e.billing_month as einvoice_month
from {{ ref('int_einvoices__group_members') }} as grouped
inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on grouped.einvoice_id = e.einvoice_id
inner join (
    select einvoice_id, billing_month from {{ ref('int_einvoices__groups') }}
    union
    select einvoice_id, billing_month from {{ ref('int_einvoices__group_shares') }}
) as months
    on e.einvoice_id = months.einvoice_id
where e.is_disclosed
