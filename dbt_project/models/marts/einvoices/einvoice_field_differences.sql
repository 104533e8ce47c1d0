{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
{#- 13 rows per pair: a view, so that a build does not store what the publication writes anyway. -#}
with rows_in as (

    select rows_all.*
    from {{ ref('int_einvoices__rows') }} as rows_all
    inner join {{ ref('int_einvoices__periods') }} as periods on rows_all.billing_month = periods.billing_month
    where rows_all.pass is not null

),

documents as (

    {% for is_group in [false, true] -%}
    {% set registers = 'registers' if is_group else 'r' -%}
    select
        rows_in.billing_month,
        rows_in.register_type,
        {{ einvoice_reconciliation_key(registers, 'e', 'repeated') }} as reconciliation_key,
        e.uuid,
        {{ 'gaps.numbers_without_row' if is_group else 'cast(null as string)' }} as numbers_without_row,
        {% for field in einvoice_identifiers() -%}
        {% set side = 'r' if is_group and field in ['supplier_tin', 'currency_code'] else registers -%}
        cast({{ side }}.{{ field }} as string) as register_{{ field }},
        cast(e.{{ field }} as string) as einvoice_{{ field }},
        not {{ identifier_differs(field, is_group) }} as is_{{ field }}_equal,
        {% endfor -%}
        {{ same_currency() }} as is_same_currency,
        {% for field in einvoice_amounts() -%}
        {% if is_group -%}
        {% set has_difference = 'coalesce(shares.is_latest, true)' -%}
        cast(coalesce(shares.register_{{ field }}, r.signed_{{ field }}) as decimal(18, 2)) as register_{{ field }},
        cast(coalesce(shares.einvoice_{{ field }}, {{ signed('e', field) }}) as decimal(18, 2)) as einvoice_{{ field }},
        not ({{ has_difference }} and {{ amount_differs(field) }}) as is_{{ field }}_equal,
        case when {{ has_difference }} then r.{{ field }} - e.{{ field }} else 0 end as {{ field }}_difference,
        case when {{ has_difference }} then {{ difference_myr(field) }} else 0 end as {{ field }}_myr{{ ',' if not loop.last }}
        {%- else -%}
        cast({{ signed(registers, field) }} as decimal(18, 2)) as register_{{ field }},
        cast({{ signed('e', field) }} as decimal(18, 2)) as einvoice_{{ field }},
        not {{ amount_differs(field) }} as is_{{ field }}_equal,
        r.{{ field }} - e.{{ field }} as {{ field }}_difference,
        {{ difference_myr(field) }} as {{ field }}_myr{{ ',' if not loop.last }}
        {%- endif %}
        {% endfor %}
    from rows_in
    inner join {{ ref('stg_erp__register_documents') }} as {{ registers }} on rows_in.register_id = {{ registers }}.register_id
    inner join {{ ref('stg_myinvois__einvoices') }} as e on rows_in.einvoice_id = e.einvoice_id
    left join {{ ref('int_einvoices__repeated_keys') }} as repeated on rows_in.register_id = repeated.row_id
    {% if is_group -%}
    inner join {{ ref('int_einvoices__groups') }} as r on rows_in.einvoice_id = r.einvoice_id
    left join {{ ref('int_einvoices__group_shares') }} as shares
        on rows_in.einvoice_id = shares.einvoice_id and rows_in.billing_month = shares.billing_month
    left join {{ ref('int_einvoices__line_gaps') }} as gaps on rows_in.einvoice_id = gaps.einvoice_id
    {%- endif %}
    where rows_in.pass {{ '' if is_group else 'not ' }}in ('consolidated', 'consolidated_lines')
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

fields as (

    select position, compared_field, kind from {{ ref('einvoice_compared_fields') }}

),

{% set all_fields = einvoice_identifiers() + einvoice_amounts() -%}
final as (

    select
        documents.billing_month,
        documents.reconciliation_key,
        documents.register_type,
        documents.uuid,
        fields.position,
        fields.compared_field as field,
        fields.kind,
        case fields.compared_field
            {% for field in all_fields %} when '{{ field }}' then cast(register_{{ field }} as string) {% endfor %}
        end as register_value,
        case fields.compared_field
            {% for field in all_fields %} when '{{ field }}' then cast(einvoice_{{ field }} as string) {% endfor %}
        end as einvoice_value,
        case fields.compared_field
            {% for field in all_fields %} when '{{ field }}' then is_{{ field }}_equal {% endfor %}
        end as equal,
        cast(case when is_same_currency then case fields.compared_field
            {% for field in einvoice_amounts() %} when '{{ field }}' then {{ field }}_difference {% endfor %}
        end end as decimal(18, 2)) as difference,
        cast(case fields.compared_field
            {% for field in einvoice_amounts() %} when '{{ field }}' then {{ field }}_myr {% endfor %}
        end as decimal(18, 2)) as difference_myr,
        case when fields.compared_field = 'document_number' then documents.numbers_without_row end as numbers_without_row,
        {{ publication_columns() }}
    from documents
    cross join fields

)

select * from final
