{{ config(materialized='view') }}
-- One row per pair of all loaded months. register_id of a group is its first row, billing_month its rows' latest.
{% set passes = [
    ('manual', 0), ('group', 1), ('uuid', 2), ('key', 3), ('number', 4), ('amount', 5), ('late', 7),
] -%}
{% for name, number in passes -%}
select
    {% if name == 'group' -%}
    pass,
    case pass when 'consolidated' then 1 else 6 end as pass_number,
    {% else -%}
    '{{ 'amounts' if name == 'amount' else name }}' as pass,
    {{ number }} as pass_number,
    {% endif -%}
    {{ pair_columns() }},
    candidate_count,
    is_ambiguous
from {{ ref('int_einvoices__' ~ name ~ '_pairs') }}
{% if name == 'late' -%} where is_made {%- endif %}
union all
{% endfor -%}
select
    pass, case pass when 'uuid' then 2 else 3 end as pass_number, register_id, einvoice_id, register_type, billing_month, 0 as n_id, 0 as n_amt,
    false as is_fx_missing, cast(0 as decimal(18, 2)) as max_difference_myr, cast(0 as decimal(18, 2)) as sum_difference_myr,
    0 as days_apart, 1 as candidate_count, false as is_ambiguous
from {{ ref('int_einvoices__settled') }}
