-- One row per document of either side that is in a pair; every row of a group is.
with pairs as (

    select * from {{ ref('int_einvoices__pairs') }}

),

members as (

    select pairs.einvoice_id, pairs.pass, coalesce(consolidated.register_id, pairs.register_id) as register_id
    from pairs
    left join {{ ref('int_einvoices__consolidated') }} as consolidated
        on pairs.pass = 'consolidated' and pairs.einvoice_id = consolidated.einvoice_id

)

select 'left' as side, register_id as document_id, einvoice_id as pair_id from members
union all
select 'right' as side, einvoice_id as document_id, einvoice_id as pair_id from pairs
