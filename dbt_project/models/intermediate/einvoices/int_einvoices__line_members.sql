-- Which register rows the lines of consolidated e-invoices take: each row goes to the earliest that names it (rule 30).
with
{{ open_documents([
    'int_einvoices__manual_pairs', 'int_einvoices__consolidated', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs',
    'int_einvoices__number_pairs', 'int_einvoices__amount_pairs',
]) }},

choices as (

    select
        r.register_id,
        e.einvoice_id,
        {{ earliest_einvoice() }} as choice
    from {{ ref('int_einvoices__line_numbers') }} as named
    inner join e on named.einvoice_id = e.einvoice_id
    inner join r
        on
            r.register_type = e.register_type
            and r.document_number_key = named.document_number_key
            and r.supplier_tin_key = e.supplier_tin_key
            and ({{ in_window() }} or (e.is_disclosed and {{ in_open_time() }}))
    where {{ not_decided() }}

),

{{ members_of_groups() }}
