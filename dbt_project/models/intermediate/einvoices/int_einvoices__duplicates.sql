-- Which paired document an unpaired one repeats: of several, the first in pairing order (6.10).
with met as (

    select * from {{ ref('int_einvoices__duplicate_matches') }}

),

met_pairs as (

    select pairs.*
    from {{ ref('int_einvoices__pairs') }} as pairs
    inner join (select distinct einvoice_id from met) as ids on pairs.einvoice_id = ids.einvoice_id

),

registers as (

    {{ picked_registers(
        "(select register_id from " ~ ref('int_einvoices__duplicate_matches')
        ~ " union all select other_id from " ~ ref('int_einvoices__duplicate_matches') ~ " where side = 'left')"
    ) }}

),

einvoices as (

    {{ picked_einvoices(ref('int_einvoices__duplicate_matches')) }}

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
    inner join met_pairs on met.einvoice_id = met_pairs.einvoice_id
    inner join registers on met_pairs.register_id = registers.register_id
    inner join einvoices on met_pairs.einvoice_id = einvoices.einvoice_id
    left join registers as others on met.other_id = others.register_id

)

select side, document_id, original from originals where choice = 1
