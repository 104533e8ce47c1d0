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
        1 as row_count,
        {{ signed('documents', 'total_including_tax') }} as amount
    from documents
    left join paired on documents.side = paired.side and documents.document_id = paired.document_id
    -- What other months have of an e-invoice moves there, without the document.
    union all
    select
        case when moved.is_out then groups.billing_month else shares.billing_month end as billing_month,
        'right' as side,
        'einvoices' as source,
        'paired' as selection,
        e.currency_code_key as currency,
        0 as row_count,
        case when moved.is_out then -1 else 1 end * shares.einvoice_total_including_tax as amount
    from {{ ref('int_einvoices__group_shares') }} as shares
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on shares.einvoice_id = e.einvoice_id
    inner join {{ ref('int_einvoices__groups') }} as groups on shares.einvoice_id = groups.einvoice_id
    cross join (select true as is_out union all select false as is_out) as moved
    where not shares.is_latest

)

-- One row per month, side, source, selection and currency.
select billing_month, side, source, selection, currency, sum(row_count) as row_count, sum(amount) as amount
from placed
group by billing_month, side, source, selection, currency
