-- One row per register row and e-invoice that takes part and is in no pair.
with
{{ open_documents([
    'int_einvoices__manual_pairs', 'int_einvoices__group_members', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs',
    'int_einvoices__number_pairs', 'int_einvoices__amount_pairs',
]) }},

late as (

    select * from {{ ref('int_einvoices__late_pairs') }}
    where is_made

)

{% for side, documents, id in [('left', 'r', 'register_id'), ('right', 'e', 'einvoice_id')] -%}
select
    '{{ side }}' as side, {{ id }} as document_id, register_type, billing_month, supplier_tin_key, document_number_key,
    document_type_key, year(document_date) as issue_year
from {{ documents }}
where not exists (select 1 from late where late.{{ id }} = {{ documents }}.{{ id }})
{% if not loop.last %}union all{% endif %}
{% endfor %}
