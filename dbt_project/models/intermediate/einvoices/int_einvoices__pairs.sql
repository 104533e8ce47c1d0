{{ config(materialized='view') }}
-- One row per pair of all loaded months. register_id of a group is its first row, billing_month its rows' latest.
{% set passes = [('consolidated', 'group'), ('key', 'key'), ('number', 'number'), ('amounts', 'amount')] -%}
{% for name, model in passes -%}
select
    '{{ name }}' as pass,
    {{ loop.index0 }} as pass_number,
    {{ pair_columns() }},
    candidate_count,
    is_ambiguous
from {{ ref('int_einvoices__' ~ model ~ '_pairs') }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
