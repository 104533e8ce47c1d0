-- Where every raw row of either side went, and what it is worth: the month is that of the pair, else the folder's.
with rows_in as (

    select * from {{ ref('int_einvoices__rows') }}

),

paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

),

pair_months as (

    select einvoice_id, billing_month from rows_in where pass is not null

),

documents as (

    select
        'left' as side, register_id as document_id, billing_month, currency_code_key as currency,
        amount_sign * total_including_tax as amount, 'takes_part' as participation, 'erp_' || register_type || '_register' as source
    from {{ ref('stg_erp__register_documents') }}
    union all
    select
        'right' as side, einvoice_id as document_id, billing_month, currency_code_key as currency,
        amount_sign * total_including_tax as amount, participation, 'einvoices' as source
    from {{ ref('stg_myinvois__einvoices') }}

),

final as (

    select
        coalesce(pair_months.billing_month, documents.billing_month) as billing_month,
        documents.side,
        documents.source,
        documents.document_id,
        case
            when paired.document_id is not null then 'paired'
            when documents.participation = 'takes_part' then 'missing'
            else 'out_of_selection'
        end as selection,
        documents.currency,
        documents.amount
    from documents
    left join paired on documents.side = paired.side and documents.document_id = paired.document_id
    left join pair_months on paired.pair_id = pair_months.einvoice_id

)

select * from final
