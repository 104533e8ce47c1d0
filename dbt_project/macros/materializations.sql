{#
    Tables and views made in their place. dbt's own are made beside it and renamed, for readers of a database that lives on;
    a build has a database of its own, and the renaming took a fifth of a small one. By hand, what was there is replaced.
#}
{% materialization table, adapter='duckdb' %}
    {% set target_relation = this.incorporate(type='table') %}
    {% do make_room(this) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}{{ create_table_as(False, target_relation, compiled_code) }}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {% set target_relation = this.incorporate(type='view') %}
    {% do make_room(this) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}{{ create_view_as(target_relation, compiled_code) }}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#
    A seed as the view of its rows: it costs no job and no file, and whoever joins it has the rows in the plan.
    Cells are quoted texts, each cast to what its column is declared or found to be.
#}
{% materialization seed, adapter='spark' %}
    {% set agate_table = load_agate_table() %}
    {% do store_result('agate_table', response='OK', agate_table=agate_table) %}
    {% set declared = config.get('column_types', {}) %}
    {% set target_relation = this.incorporate(type='view') %}
    {% do make_room(this) %}
    {% call statement('main') %}
        create or replace view {{ target_relation }} as
        select
            {% for name in agate_table.column_names -%}
            cast({{ name }} as {{ declared.get(name, adapter.convert_type(agate_table, loop.index0)) }}) as {{ name }}
            {{- ',' if not loop.last }}
            {% endfor %}
        from values
            {% for row in agate_table.rows -%}
            (
                {%- for cell in row -%}
                {%- if cell is none -%} cast(null as string)
                {%- else -%} '{{ cell | string | replace("\\", "\\\\") | replace("'", "\\'") }}'
                {%- endif -%}
                {{ ', ' if not loop.last }}
                {%- endfor -%}
            ){{ ',' if not loop.last }}
            {% endfor %} as cells ({{ agate_table.column_names | join(', ') }})
    {% endcall %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro make_room(relation) %}
    {% set existing = load_cached_relation(relation) %}
    {% if existing %}{% do adapter.drop_relation(existing) %}{% endif %}
{% endmacro %}

{# What contracts compare of a column: an enumeration is a text, whose values readers see. #}
{% macro duckdb__format_column(column) -%}
    {% set data_type = 'VARCHAR' if column.dtype.startswith('ENUM') else column.dtype %}
    {{ return({'name': column.name, 'data_type': data_type, 'formatted': column.column.lower() ~ ' ' ~ data_type}) }}
{%- endmacro %}

{# Rows of unit tests hold other texts than the build whose columns they are given. #}
{% macro duckdb__safe_cast(field, type) -%}
    cast({{ field }} as {{ 'varchar' if type.startswith('ENUM') else type }})
{%- endmacro %}
