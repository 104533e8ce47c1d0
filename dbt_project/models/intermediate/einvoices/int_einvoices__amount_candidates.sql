-- Pass 3: all six amounts equal and exactly one identifier differs. Leaving out one identifier at a time gives keys to
-- join on, so no pair is looked at that differs in two; the comparison then decides. Of
-- a disclosed e-invoice the date is none of them.
with
{{ open_documents(['int_einvoices__manual_pairs', 'int_einvoices__consolidated', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs', 'int_einvoices__number_pairs']) }},

matches as (

    {% for is_disclosed in [false, true] -%}
    {% set differing = einvoice_identifiers() | reject('equalto', 'document_date') | list if is_disclosed else einvoice_identifiers() -%}
    {% for left_out in differing -%}
    select r.register_id, e.einvoice_id
    from r
    inner join e
        on
            r.register_type = e.register_type
            {% for identifier in differing if identifier != left_out -%}
            {% if identifier == 'original_document_number' -%}
            and coalesce(r.original_document_number_key, '') = coalesce(e.original_document_number_key, '')
            {%- else -%}
            and r.{{ einvoice_key(identifier) }} = e.{{ einvoice_key(identifier) }}
            {%- endif %}
            {% endfor -%}
            {% for amount in einvoice_amounts() -%}
            {% if left_out == 'currency_code' -%}
            and {{ ringgit_key('r', amount) }} = {{ ringgit_key('e', amount) }}
            {%- else -%}
            and r.{{ amount }} = e.{{ amount }}
            {%- endif %}
            {% endfor -%}
    where
        {{ in_window() }} and {{ identifier_differs(left_out) }} and {{ not_decided() }}
        and {{ '' if is_disclosed else 'not ' }}e.is_disclosed
    {% if not (loop.last and is_disclosed) %}union all{% endif %}
    {% endfor -%}
    {% endfor %}

),

{{ compare_documents(
    "from matches inner join r on matches.register_id = r.register_id inner join e on matches.einvoice_id = e.einvoice_id"
) }}

select {{ pair_columns() }} from compared where n_id = 1 and n_amt = 0
