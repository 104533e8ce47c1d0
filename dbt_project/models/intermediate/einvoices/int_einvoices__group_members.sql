{{ config(materialized='view') }}
-- One row per register row that is part of a group, and the pass that put it there.
{% for pass, members in [('consolidated', 'consolidated'), ('consolidated_lines', 'line_members')] -%}
select register_id, einvoice_id, '{{ pass }}' as pass
from {{ ref('int_einvoices__' ~ members) }}
where is_made
{% if not loop.last %}union all{% endif %}
{% endfor %}
