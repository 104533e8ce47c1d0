with rows_in as (

    select rows_all.*
    from {{ ref('int_einvoices__rows') }} as rows_all
    inner join {{ ref('int_einvoices__periods') }} as periods on rows_all.billing_month = periods.billing_month
    where rows_all.bucket = 'Mismatch' or rows_all.pass is null

),

nearest as (

    select * from {{ ref('int_einvoices__nearest') }}

),

ranked as (

    {% for side, own, other in [('register', 'register_id', 'einvoice_id'), ('einvoice', 'einvoice_id', 'register_id')] -%}
    {% set candidate = 'einvoice' if side == 'register' else 'register' -%}
    select
        rows_in.billing_month,
        rows_in.register_type,
        rows_in.bucket,
        rows_in.register_id as row_register_id,
        rows_in.einvoice_id as row_einvoice_id,
        '{{ side }}' as side,
        '{{ 'right' if side == 'register' else 'left' }}' as candidate_side,
        nearest.register_id,
        nearest.einvoice_id,
        nearest.{{ other }} as candidate_id,
        nearest.{{ side }}_document_number as document_number,
        nearest.{{ candidate }}_document_number as candidate_document_number,
        nearest.{{ candidate }}_date as candidate_document_date,
        nearest.{{ candidate }}_currency_code as candidate_currency_code,
        nearest.{{ candidate }}_total_including_tax as candidate_total_including_tax,
        {{ 'nearest.row_reference' if side == 'einvoice' else 'cast(null as string)' }} as candidate_row_reference,
        {{ 'nearest.uuid' if side == 'register' else 'cast(null as string)' }} as candidate_uuid,
        nearest.{{ candidate }}_source_file as candidate_source_file,
        nearest.{{ candidate }}_source_row as candidate_source_row,
        nearest.participation,
        nearest.is_in_window,
        nearest.n_id,
        nearest.n_amt,
        nearest.max_difference_myr,
        nearest.is_fx_missing,
        nearest.differing_fields,
        coalesce(rows_in.{{ other }} = nearest.{{ other }}, false) as is_own_pair,
        row_number() over (partition by nearest.{{ own }} order by {{ pairing_order('nearest.') }}) as candidate_rank
    from rows_in
    inner join nearest on rows_in.{{ own }} = nearest.{{ own }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

keys as (

    select
        rows_in.register_id,
        rows_in.einvoice_id,
        {{ einvoice_reconciliation_key('registers', 'einvoices', 'repeated') }} as reconciliation_key
    -- What is missing or a mismatch is not settled.
    from rows_in
    left join {{ ref('int_einvoices__unsettled_registers') }} as registers on rows_in.register_id = registers.register_id
    left join {{ ref('int_einvoices__unsettled_einvoices') }} as einvoices on rows_in.einvoice_id = einvoices.einvoice_id
    left join {{ ref('int_einvoices__repeated_keys') }} as repeated
        on coalesce(rows_in.register_id, rows_in.einvoice_id) = repeated.row_id

),

paired as (

    select * from {{ ref('int_einvoices__paired_documents') }}

),

decided as (

    select 'left' as side, register_id as document_id from {{ ref('int_einvoices__manual_pairs') }}
    union all
    select 'right' as side, einvoice_id as document_id from {{ ref('int_einvoices__manual_pairs') }}

),

-- The three nearest documents of the other side, and what stands between.
final as (

    select
        ranked.billing_month,
        keys.reconciliation_key,
        ranked.register_type,
        ranked.bucket,
        ranked.side,
        cast(ranked.candidate_rank as integer) as candidate_rank,
        ranked.document_number,
        ranked.candidate_document_number,
        ranked.candidate_document_date,
        ranked.candidate_currency_code,
        ranked.candidate_total_including_tax,
        ranked.candidate_row_reference,
        ranked.candidate_uuid,
        ranked.candidate_source_file,
        ranked.candidate_source_row,
        case
            when ranked.is_own_pair then 'own_pair'
            when parted.register_id is not null then 'parted_by_hand'
            when ranked.participation <> 'takes_part' then ranked.participation
            when decided.document_id is not null then 'decided_elsewhere'
            when not ranked.is_in_window then 'outside_window'
            when others.document_id is not null then 'paired_elsewhere'
            else 'meets_no_pass'
        end as obstacle,
        case when ranked.participation = 'takes_part' then {{ bucket_of_pair('ranked') }} end as bucket_as_pair,
        ranked.n_id,
        ranked.n_amt,
        cast(ranked.max_difference_myr as decimal(18, 2)) as max_difference_myr,
        replace(ranked.differing_fields, ' ', ', ') as differing_fields,
        {{ publication_columns() }}
    from ranked
    inner join keys
        on
            coalesce(ranked.row_register_id, -1) = coalesce(keys.register_id, -1)
            and coalesce(ranked.row_einvoice_id, -1) = coalesce(keys.einvoice_id, -1)
    left join paired as others on ranked.candidate_side = others.side and ranked.candidate_id = others.document_id
    left join {{ ref('int_einvoices__manual') }} as parted
        on
            parted.action = 'unpair' and ranked.register_id = parted.register_id
            and ranked.einvoice_id = parted.einvoice_id
    left join decided on ranked.candidate_side = decided.side and ranked.candidate_id = decided.document_id
    cross join {{ ref('int_einvoices__bands') }} as bands
    where ranked.candidate_rank <= 3

)

select * from final
