{#
    The months to reconcile as a list of YYYY-MM: the var, or by hand every month of which a required source of the
    subject is loaded; without a subject, of any that is built.
#}
{% macro target_months(subject=none) %}
    {% set months = var('target_months') %}
    {% if not months and execute %}
        {% set sources = [] %}
        {% for name in ([subject] if subject else var('subjects')) %}
            {% do sources.extend(required_sources()[name]) %}
        {% endfor %}
        {% set loaded = run_query(
            "select distinct " ~ month_text('billing_month') ~ " from raw.loads where source in ('" ~ sources | join("', '") ~ "') order by 1"
        ) %}
        {% set months = loaded.columns[0].values() %}
    {% endif %}
    {{ return(months) }}
{% endmacro %}

{# The first day of the month `offset` months after `month` (YYYY-MM), as a date literal. #}
{% macro month_start(month, offset=0) -%}
    {%- set index = month[:4] | int * 12 + month[5:] | int - 1 + offset -%}
    date '{{ "%04d-%02d-01" | format(index // 12, index % 12 + 1) }}'
{%- endmacro %}

{# The first day of the month `count` months after that of `day`. #}
{% macro add_months(day, count) -%}
    {{ return(adapter.dispatch('add_months')(day, count)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, count) -%} cast({{ day }} + to_months({{ count }}) as date) {%- endmacro %}
{% macro default__add_months(day, count) -%} add_months({{ day }}, {{ count }}) {%- endmacro %}

{# The day that a build is made for; `recon run` hands it over, by hand it is today. #}
{% macro as_of_date() -%}
    {% if var('as_of_date') -%} cast('{{ var("as_of_date") }}' as date) {%- else -%} current_date {%- endif %}
{%- endmacro %}

{# E-invoices may come after their month has been reconciled, from a month on that a setting names (rule 33). #}
{% macro and_does_not_wait() -%}
    {% if var('einvoices_expected_from') -%}
    and not (source = 'einvoices' and billing_month >= {{ month_start(var('einvoices_expected_from')) }})
    {%- endif %}
{%- endmacro %}

{# Months since year 0, to count from one to another. #}
{% macro month_number(day) -%} (12 * year({{ day }}) + month({{ day }})) {%- endmacro %}
