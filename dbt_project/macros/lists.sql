{# A list of values, which may be expressions. #}
{% macro list_of(values) -%}
    {{ return(adapter.dispatch('list_of')(values)) }}
{%- endmacro %}
{% macro duckdb__list_of(values) -%} [{{ values | join(', ') }}] {%- endmacro %}
{% macro default__list_of(values) -%} array({{ values | join(', ') }}) {%- endmacro %}

{# Each row of `relation` once per element of its lists, which are equally long: in their order, behind each other. #}
{% macro spread_lists(relation, kept, lists) -%}
    {{ return(adapter.dispatch('spread_lists')(relation, kept, lists)) }}
{%- endmacro %}
{% macro duckdb__spread_lists(relation, kept, lists) -%}
select
    {{ kept | join(', ') }},
    {% for name in lists -%} unnest({{ name }}) as {{ name }}{{ ',' if not loop.last }} {% endfor %}
from {{ relation }}
{%- endmacro %}
{% macro default__spread_lists(relation, kept, lists) -%}
select
    {{ kept | join(', ') }},
    {% for name in lists -%} element.{{ name }} as {{ name }}{{ ',' if not loop.last }} {% endfor %}
from (select {{ kept | join(', ') }}, explode(arrays_zip({{ lists | join(', ') }})) as element from {{ relation }}) as zipped
{%- endmacro %}

{#
    Rows of a table in this order, so that they are not sorted again when they are published. Of a table that Spark makes
    the publication reads an ordered view.
#}
{% macro in_order(columns) -%}
    {{ return(adapter.dispatch('in_order')(columns)) }}
{%- endmacro %}
{% macro duckdb__in_order(columns) -%} order by {{ columns | join(', ') }} {%- endmacro %}
{% macro default__in_order(columns) -%} {%- endmacro %}

{# The number of a row in this order, for rows that many others are sorted by; nothing where `in_order` sorts nothing. #}
{% macro place_in_order(columns) -%}
    {{ return(adapter.dispatch('place_in_order')(columns)) }}
{%- endmacro %}
{% macro duckdb__place_in_order(columns) -%}
    cast(row_number() over (order by {{ columns | join(', ') }}) as integer)
{%- endmacro %}
{% macro default__place_in_order(columns) -%} 0 {%- endmacro %}

{#
    Statements that make a type of the values of each text column of `relations`, in their order, where there are such types:
    rows that hold them are sorted like their texts, but as small numbers. A type needs a value, so that each has the empty text.
#}
{% macro enumerations_of(relations, columns) -%}
    {{ return(adapter.dispatch('enumerations_of')(relations, columns)) }}
{%- endmacro %}
{% macro duckdb__enumerations_of(relations, columns) -%}
    {% for column in columns -%}
    create or replace type {{ this.schema }}.{{ column }}_text as enum (
        select {{ column }} from (from {{ relations | join(' union all by name from ') }}) where {{ column }} is not null
        union select '' order by 1
    );
    {% endfor -%}
{%- endmacro %}
{% macro default__enumerations_of(relations, columns) -%} {%- endmacro %}

{# A text as a value of the type that `enumerations_of` made of `column`, in the schema of the model; of a unit test as it is. #}
{% macro enumerated(text, column=none) -%}
    {{ return(adapter.dispatch('enumerated')(text, column or text)) }}
{%- endmacro %}
{% macro duckdb__enumerated(text, column) -%}
    {% if model.resource_type == 'unit_test' %}{{ text }}{% else %}cast({{ text }} as {{ this.schema }}.{{ column }}_text){% endif %}
{%- endmacro %}
{% macro default__enumerated(text, column) -%} {{ text }} {%- endmacro %}

{# A text that is one of `values`, likewise. #}
{% macro one_of(text, values) -%}
    {{ return(adapter.dispatch('one_of')(text, values)) }}
{%- endmacro %}
{% macro duckdb__one_of(text, values) -%} cast({{ text }} as enum('{{ values | join("', '") }}')) {%- endmacro %}
{% macro default__one_of(text, values) -%} {{ text }} {%- endmacro %}
