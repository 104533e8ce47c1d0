-- Unpaired documents whose pass-1 key a paired document of their side has, and which one (6.10).
with unpaired as (

    select * from {{ ref('int_einvoices__unpaired') }}
    where supplier_tin_key is not null

),

pairs as (

    select * from {{ ref('int_einvoices__pairs') }}

),

paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

),

originals as (

    select
        unpaired.side,
        unpaired.document_id,
        documents.row_reference as original,
        {% set order %}pairs.pass_number, pairs.n_id, pairs.n_amt, pairs.max_difference_myr nulls last, pairs.sum_difference_myr nulls last,
            pairs.days_apart, registers.document_date nulls last, documents.row_reference nulls last,
            einvoices.validated_at nulls last, einvoices.uuid_key nulls last{% endset -%}
        row_number() over (
            partition by unpaired.document_id
            order by {{ order }}, documents.content_key, documents.register_id
        ) as choice
    from unpaired
    inner join {{ ref('stg_erp__register_documents') }} as documents
        on
            unpaired.side = 'left'
            and unpaired.register_type = documents.register_type
            and unpaired.supplier_tin_key = documents.supplier_tin_key
            and unpaired.document_number_key = documents.document_number_key
            and unpaired.document_type_key = documents.document_type_key
            and unpaired.issue_year = year(documents.document_date)
    inner join paired on paired.side = 'left' and documents.register_id = paired.document_id
    inner join pairs on paired.pair_id = pairs.einvoice_id
    inner join {{ ref('stg_erp__register_documents') }} as registers on pairs.register_id = registers.register_id
    inner join {{ ref('stg_myinvois__einvoices') }} as einvoices on pairs.einvoice_id = einvoices.einvoice_id
    union all
    select
        unpaired.side,
        unpaired.document_id,
        einvoices.uuid as original,
        row_number() over (
            partition by unpaired.document_id
            order by {{ order | replace('documents.', 'registers.') }}, einvoices.content_key, einvoices.einvoice_id
        ) as choice
    from unpaired
    inner join {{ ref('stg_myinvois__einvoices') }} as einvoices
        on
            unpaired.side = 'right'
            and unpaired.register_type = einvoices.register_type
            and unpaired.supplier_tin_key = einvoices.supplier_tin_key
            and unpaired.document_number_key = einvoices.document_number_key
            and unpaired.document_type_key = einvoices.document_type_key
            and unpaired.issue_year = year(einvoices.document_date)
    inner join pairs on einvoices.einvoice_id = pairs.einvoice_id
    inner join {{ ref('stg_erp__register_documents') }} as registers on pairs.register_id = registers.register_id

)

select side, document_id, original from originals where choice = 1
