-- Which register rows a consolidated e-invoice takes: each row goes to the earliest that bears its number (6.14).
-- One row per register row that is part of a group.
with register_rows as (

    select * from {{ ref('stg_erp__register_rows') }}
    where consolidated_einvoice_number_key is not null

),

r as (

    {{ register_documents('register_rows') }}

),

einvoice_rows as (

    select * from {{ ref('stg_myinvois__einvoice_rows') }}
    where buyer_tin_key = 'EI00000000010'

),

documents as (

    {{ einvoice_documents('einvoice_rows') }}

),

e as (

    {{ taking_part('documents') }}

),

choices as (

    select
        r.register_id,
        e.einvoice_id,
        {{ earliest_einvoice() }} as choice
    from r
    inner join e
        on
            r.register_type = e.register_type
            and r.consolidated_einvoice_number_key = e.document_number_key
            and ({{ in_window() }} or (e.is_disclosed and {{ in_open_time() }}))
    where {{ not_decided() }}

),

{{ members_of_groups() }}
