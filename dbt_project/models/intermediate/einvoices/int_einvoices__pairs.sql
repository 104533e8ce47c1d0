-- One row per pair of all loaded months. register_id of a group is its first row.
{% set passes = [('consolidated', 'group'), ('key', 'key'), ('number', 'number'), ('amounts', 'amount')] -%}
{% for name, model in passes -%}
select
    '{{ name }}' as pass,
    {{ loop.index0 }} as pass_number,
    register_id,
    einvoice_id,
    n_id,
    n_amt,
    is_fx_missing,
    max_difference_myr,
    sum_difference_myr,
    days_apart,
    candidate_count,
    is_ambiguous
from {{ ref('int_einvoices__' ~ model ~ '_pairs') }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
