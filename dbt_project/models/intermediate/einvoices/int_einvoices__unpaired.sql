-- One row per register row and e-invoice that takes part and is in no pair.
{% for side, documents, id in [('left', 'open_registers', 'register_id'), ('right', 'open_einvoices', 'einvoice_id')] -%}
select
    '{{ side }}' as side, {{ id }} as document_id, register_type, billing_month, supplier_tin_key, document_number_key,
    document_type_key, year(document_date) as issue_year
from {{ ref('int_einvoices__' ~ documents) }} as documents
where
    {% for pairs in ['number_pairs', 'amount_pairs'] -%}
    not exists (select 1 from {{ ref('int_einvoices__' ~ pairs) }} as taken where taken.{{ id }} = documents.{{ id }})
    {{ 'and' if not loop.last }}
    {% endfor -%}
{% if not loop.last %}union all{% endif %}
{% endfor %}
