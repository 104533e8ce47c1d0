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

{% macro make_room(relation) %}
    {% set existing = load_cached_relation(relation) %}
    {% if existing %}{% do adapter.drop_relation(existing) %}{% endif %}
{% endmacro %}
