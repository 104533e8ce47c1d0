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

-- One row per unpaired document and paired document of the same key.
met as (

    select unpaired.side, unpaired.document_id, same_number.other_id, paired.pair_id
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

),

met_pairs as (

    select pairs.* from pairs inner join (select distinct pair_id from met) as ids on pairs.einvoice_id = ids.pair_id

),

met_registers as (

    select register_id from met_pairs
    union
    select other_id as register_id from met where side = 'left'

),

registers as (

    {{ picked_registers('met_registers') }}

),

einvoices as (

    {{ picked_einvoices('met_pairs') }}

),

originals as (

    select
        met.side,
        met.document_id,
        case met.side when 'left' then others.row_reference else einvoices.uuid end as original,
        row_number() over (
            partition by met.side, met.document_id
            order by
                met_pairs.pass_number, met_pairs.n_id, met_pairs.n_amt, met_pairs.max_difference_myr nulls last,
                met_pairs.sum_difference_myr nulls last, met_pairs.days_apart, registers.document_date nulls last,
                coalesce(others.row_reference, case when met.side = 'right' then registers.row_reference end) nulls last,
                einvoices.validated_at nulls last, einvoices.uuid_key nulls last,
                case met.side when 'left' then {{ register_content('others') }} else {{ einvoice_content('einvoices') }} end,
                met.other_id
        ) as choice
    from met
    inner join met_pairs on met.pair_id = met_pairs.einvoice_id
    inner join registers on met_pairs.register_id = registers.register_id
    inner join einvoices on met_pairs.einvoice_id = einvoices.einvoice_id
    left join registers as others on met.other_id = others.register_id

)

select side, document_id, original from originals where choice = 1
