-- One row per register row and e-invoice that takes part and is in no pair.
with
{{ open_documents([
    'int_einvoices__manual_pairs', 'int_einvoices__consolidated', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs',
    'int_einvoices__number_pairs', 'int_einvoices__amount_pairs',
]) }}

{% for side, documents, id in [('left', 'r', 'register_id'), ('right', 'e', 'einvoice_id')] -%}
select
    '{{ side }}' as side, {{ id }} as document_id, register_type, billing_month, supplier_tin_key, document_number_key,
    document_type_key, year(document_date) as issue_year
from {{ documents }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
