{# The values of a column, sorted and joined: an aggregate. #}
{% macro sorted_join(column, separator) -%}
    {{ return(adapter.dispatch('sorted_join')(column, separator)) }}
{%- endmacro %}

{% macro duckdb__sorted_join(column, separator) -%}
    string_agg({{ column }}, '{{ separator }}' order by {{ column }})
{%- endmacro %}

{% macro default__sorted_join(column, separator) -%}
    nullif(array_join(array_sort(collect_list({{ column }})), '{{ separator }}'), '')
{%- endmacro %}
