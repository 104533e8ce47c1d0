-- Late pairs, and whether readers may see them: a closed month keeps the pairs that it was closed with and takes no new
-- one, and an e-invoice that a closed month shows as missing is in no pair (rule 28).
with matches as (

    select * from {{ ref('int_einvoices__late_matches') }}

),

{{ closed_months() }},

documents as (

    select
        matches.*,
        e.billing_month as einvoice_month,
        e.uuid,
        e.document_number,
        e.supplier_tin
    from matches
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on matches.einvoice_id = e.einvoice_id

)

select
    {{ pair_columns('documents.') }},
    documents.candidate_count,
    documents.is_ambiguous,
    documents.einvoice_month,
    case when closed.billing_month is null then missing.billing_month is null else paired.billing_month is not null end as is_made
from documents
left join closed on documents.billing_month = closed.billing_month
{{ join_shown('documents', 'billing_month') }}
