{{ config(materialized='view') }}
-- One row per pair of all loaded months. register_id of a group is its first row, billing_month its rows' latest.
{% set passes = [
    ('manual', 0, 'manual'), ('consolidated', 1, 'group'), ('uuid', 2, 'uuid'), ('key', 3, 'key'), ('number', 4, 'number'),
    ('amounts', 5, 'amount'),
] -%}
{% for name, number, model in passes -%}
select
    '{{ name }}' as pass,
    {{ number }} as pass_number,
    {{ pair_columns() }},
    candidate_count,
    is_ambiguous
from {{ ref('int_einvoices__' ~ model ~ '_pairs') }}
union all
{% endfor -%}
select
    pass, case pass when 'uuid' then 2 else 3 end as pass_number, register_id, einvoice_id, register_type, billing_month, 0 as n_id, 0 as n_amt,
    false as is_fx_missing, cast(0 as decimal(18, 2)) as max_difference_myr, cast(0 as decimal(18, 2)) as sum_difference_myr,
    0 as days_apart, 1 as candidate_count, false as is_ambiguous
from {{ ref('int_einvoices__settled') }}
