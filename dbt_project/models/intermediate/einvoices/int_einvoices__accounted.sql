-- Where every raw row of either side went, and what it is worth, summed: the month is that of the pair, else the folder's.
with paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

),

documents as (

    select
        'left' as side, register_id as document_id, billing_month, currency_code_key as currency,
        amount_sign, total_including_tax, 'takes_part' as participation, 'erp_' || register_type || '_register' as source
    from {{ ref('stg_erp__register_documents') }}
    union all
    select
        'right' as side, einvoice_id as document_id, billing_month,
        coalesce(currency_code_key, 'MYR') as currency, -- of records of status alone, which have no amounts
        amount_sign, total_including_tax, participation, 'einvoices' as source
    from {{ ref('stg_myinvois__einvoices') }}

),

placed as (

    select
        coalesce(paired.billing_month, documents.billing_month) as billing_month,
        documents.side,
        documents.source,
        case
            when paired.document_id is not null then 'paired'
            when documents.participation = 'takes_part' then 'missing'
            else 'out_of_selection'
        end as selection,
        documents.currency,
        {{ signed('documents', 'total_including_tax') }} as amount
    from documents
    left join paired on documents.side = paired.side and documents.document_id = paired.document_id

)

-- One row per month, side, source, selection and currency.
select billing_month, side, source, selection, currency, count(*) as row_count, sum(amount) as amount
from placed
group by billing_month, side, source, selection, currency
