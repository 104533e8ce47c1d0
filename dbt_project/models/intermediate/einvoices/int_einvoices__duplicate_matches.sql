-- Unpaired documents and the paired ones of their side with the same pass-1 key (6.10), with their pair.
with unpaired as (

    select * from {{ ref('int_einvoices__unpaired') }}
    where supplier_tin_key is not null

),

paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

),

-- Documents that bear the number of an unpaired one: few, before anything is computed of them.
register_rows as (

    select * from {{ ref('stg_erp__register_rows') }}
    where document_number_key in (select document_number_key from unpaired where side = 'left')

),

einvoice_rows as (

    select * from {{ ref('stg_myinvois__einvoice_rows') }}
    where document_number_key in (select document_number_key from unpaired where side = 'right')

),

same_number as (

    {% for side, id, macro in [
        ('left', 'register_id', register_documents), ('right', 'einvoice_id', einvoice_documents),
    ] -%}
    select
        '{{ side }}' as side, {{ id }} as other_id, register_type, supplier_tin_key, document_number_key, document_type_key,
        year(document_date) as issue_year
    from ({{ macro('register_rows' if side == 'left' else 'einvoice_rows') }}) as documents
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        unpaired.side,
        unpaired.document_id,
        same_number.other_id,
        pairs.register_id,
        pairs.einvoice_id
    from unpaired
    inner join same_number
        on
            unpaired.side = same_number.side
            and unpaired.register_type = same_number.register_type
            and unpaired.supplier_tin_key = same_number.supplier_tin_key
            and unpaired.document_number_key = same_number.document_number_key
            and unpaired.document_type_key = same_number.document_type_key
            and unpaired.issue_year = same_number.issue_year
    inner join paired on same_number.side = paired.side and same_number.other_id = paired.document_id
    inner join {{ ref('int_einvoices__pairs') }} as pairs on paired.pair_id = pairs.einvoice_id

)

select * from final
