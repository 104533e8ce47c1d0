-- Pass 1: the matches that are not settled, counted field by field.
with matches as (

    select matches.register_id, matches.einvoice_id
    from {{ ref('int_einvoices__key_matches') }} as matches
    where not exists (
        select 1 from {{ ref('int_einvoices__settled') }} as settled where settled.register_id = matches.register_id
    )

),

r as (

    select * from {{ ref('int_einvoices__unsettled_registers') }}

),

e as (

    select * from {{ ref('int_einvoices__unsettled_einvoices') }}

),

{{ compare_documents(
    "from matches inner join r on matches.register_id = r.register_id inner join e on matches.einvoice_id = e.einvoice_id"
) }}

select {{ pair_columns() }} from compared
