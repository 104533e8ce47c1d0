{#
    Registers the raw months as views of schema `raw`, each over the Parquet files that the months' `month.json` name
    at this moment: the whole build then reads one state of the raw folder, whatever is loaded meanwhile.
    The columns are those of models/sources/raw.yml, so a source without any file is an empty table of the right shape.
    Only commands that build register again; `dbt test` sees what was built from.
#}
{% macro register_raw() %}
    {% if execute and flags.WHICH in ('run', 'build', 'seed', 'compile', 'show', 'test') %}
        {% do run_query('create schema if not exists raw') %}
        {% set root = env_var('RECON_HOME', '../recon_home') ~ '/raw' %}
        {% set replace = 'create or replace view' if flags.WHICH in ('run', 'build') else 'create view if not exists' %}
        {% set loads = recon_raw_loads(root) %}
        {% for node in graph.sources.values() if node.source_name == 'raw' %}
            {% set files = [] %}
            {% for load in loads if load.source == node.meta.get('source', load.source) %}
                {% for path in load.tables.get(node.meta.get('table'), []) %}
                    {% do files.append(root ~ '/' ~ path) %}
                {% endfor %}
            {% endfor %}
            {% do run_query(replace ~ ' raw.' ~ node.name ~ ' as ' ~ raw_view_sql(node, files, loads)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# Every committed load: source, month, files (as JSON), row counts, tables (name -> Parquet paths below raw). #}
{% macro recon_raw_loads(root) %}
    {% set pattern = root ~ '/*/*/month.json' %}
    {% set loads = [] %}
    {% if run_query("select count(*) from glob('" ~ pattern ~ "')").columns[0].values()[0] %}
        {% set found = run_query("select content from read_text('" ~ pattern ~ "') order by filename") %}
        {% for content in found.columns[0].values() %}
            {% do loads.append(fromjson(content)) %}
        {% endfor %}
    {% endif %}
    {{ return(loads) }}
{% endmacro %}

{% macro raw_view_sql(node, files, loads) %}
    {% set typed = [] %}
    {% for column in node.columns.values() %}
        {% do typed.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.name) %}
    {% endfor %}
    {% set empty = 'select ' ~ typed | join(', ') ~ ' where false' %}
    {% if node.meta.get('table') == 'loads' %}
        {% set rows = [empty] %}
        {% for load in loads %}
            {% for file in load.files %}
                {% do rows.append(
                    "select '" ~ load.source ~ "', date '" ~ load.month ~ "-01', '" ~ (file.path | replace("'", "''"))
                    ~ "', '" ~ file.content_hash ~ "', " ~ file.rows ~ ", " ~ file.quarantined
                ) %}
            {% endfor %}
        {% endfor %}
        {{ return(rows | join(' union all ')) }}
    {% endif %}
    {% if not files %}
        {{ return(empty) }}
    {% endif %}
    {% set names = node.columns.values() | map(attribute='name') | join(', ') %}
    {{ return(
        "select " ~ names ~ " from read_parquet(['" ~ files | map('replace', "'", "''") | join("', '") ~ "'])"
    ) }}
{% endmacro %}
