-- Documents of the other side that a missing or mismatched document may have been meant to meet: they share its loose
-- number, or counterparty and payable amount, or both parties and the date. Values that more than 20 documents share
-- say nothing about one of them. E-invoices that do not take part are shown too: that may be why.
{% set shared_values = [
    ['loose_number'],
    ['counterparty_tin_key', 'total_payable_amount'],
    ['supplier_tin_key', 'buyer_tin_key', 'document_date'],
] -%}
with rows_in as (

    select rows_all.*
    from {{ ref('int_einvoices__rows') }} as rows_all
    inner join {{ ref('int_einvoices__periods') }} as periods on rows_all.billing_month = periods.billing_month
    where rows_all.bucket = 'Mismatch' or rows_all.pass is null

),

wanted_registers as (

    {{ picked_registers('rows_in') }}

),

wanted_einvoices as (

    {{ picked_einvoices('rows_in') }}

),

{% for columns in shared_values -%}
{% set number = loop.index -%}
{% for wanted, others, id in [('registers', 'einvoices', 'einvoice_id'), ('einvoices', 'registers', 'register_id')] -%}
sharing_{{ others }}_{{ number }} as (

    select others.{{ id }}, others.register_type, {% for column in columns %}others.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('stg_myinvois__einvoices' if others == 'einvoices' else 'stg_erp__register_documents') }} as others
    inner join (select distinct register_type, {{ columns | join(', ') }} from wanted_{{ wanted }}) as wanted
        on
            others.register_type = wanted.register_type
            {% for column in columns -%} and others.{{ column }} = wanted.{{ column }} {% endfor %}
    {% if others == 'einvoices' -%} where others.participation <> 'superseded' {%- endif %}

),

rare_{{ others }}_{{ number }} as (

    select register_type, {{ columns | join(', ') }}
    from sharing_{{ others }}_{{ number }}
    group by register_type, {{ columns | join(', ') }}
    having count(*) <= 20

),

{% endfor -%}
{% endfor -%}
found as (

    {% for columns in shared_values -%}
    {% set number = loop.index -%}
    {% for wanted, others in [('registers', 'einvoices'), ('einvoices', 'registers')] -%}
    select
        {{ 'wanted' if wanted == 'registers' else 'others' }}.register_id,
        {{ 'wanted' if wanted == 'einvoices' else 'others' }}.einvoice_id
    from wanted_{{ wanted }} as wanted
    inner join rare_{{ others }}_{{ number }} as rare
        on
            wanted.register_type = rare.register_type
            {% for column in columns -%} and wanted.{{ column }} = rare.{{ column }} {% endfor %}
    inner join sharing_{{ others }}_{{ number }} as others
        on
            wanted.register_type = others.register_type
            {% for column in columns -%} and wanted.{{ column }} = others.{{ column }} {% endfor %}
    union
    {% endfor -%}
    {% endfor -%}
    select register_id, einvoice_id from rows_in where pass is not null and pass not in ('consolidated', 'consolidated_lines')

)

select * from found
