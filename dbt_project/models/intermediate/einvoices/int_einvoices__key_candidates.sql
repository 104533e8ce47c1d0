-- Pass 1: same supplier TIN, document number, document type and year of issue. Most pairs are alike in everything; only
-- the others are counted field by field.
with matches as (

    select
        r.register_id,
        e.einvoice_id,
        r.register_type,
        r.billing_month,
        {{ is_alike() }} as is_alike
    from {{ ref('stg_erp__register_documents') }} as r
    inner join {{ ref('stg_myinvois__einvoices') }} as e on {{ meets_key() }} and {{ in_window() }}
    left join {{ ref('int_einvoices__consolidated') }} as in_groups on r.register_id = in_groups.register_id
    left join (
        select distinct einvoice_id from {{ ref('int_einvoices__consolidated') }}
    ) as groups on e.einvoice_id = groups.einvoice_id
    where e.participation = 'takes_part' and in_groups.register_id is null and groups.einvoice_id is null

),

different as (

    select register_id, einvoice_id from matches where not is_alike

),

r as (

    {{ picked_registers('different') }}

),

e as (

    {{ picked_einvoices('different') }}

),

{{ compare_documents(
    "from different inner join r on different.register_id = r.register_id inner join e on different.einvoice_id = e.einvoice_id"
) }}

select {{ pair_columns() }} from compared
union all
select
    register_id, einvoice_id, register_type, billing_month, 0 as n_id, 0 as n_amt, false as is_fx_missing,
    0 as max_difference_myr, 0 as sum_difference_myr, 0 as days_apart
from matches
where is_alike
