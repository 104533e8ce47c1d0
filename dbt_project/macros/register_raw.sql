{#
    Registers the raw months as views of schema `raw`, each over the Parquet files that the months' `month.json` name
    at this moment: the whole build then reads one state of the raw folder, whatever is loaded meanwhile.
    The columns are those of models/sources/raw.yml, so a source without any file is an empty table of the right shape.
    Only commands that build register again; `dbt test` sees what was built from.
#}
{% macro register_raw() %}
    {% if execute and flags.WHICH in ('run', 'build', 'seed', 'compile', 'show', 'test') %}
        {% set root = env_var('RECON_HOME', '../recon_home') ~ '/raw' %}
        {% set replace = 'create or replace' if flags.WHICH in ('run', 'build') else 'create' %}
        {% set unless = '' if flags.WHICH in ('run', 'build') else 'if not exists' %}
        {% do run_query('create schema if not exists raw') %}
        {% do run_query(replace ~ ' table ' ~ unless ~ ' raw.months as ' ~ raw_months_sql(root)) %}
        {% set months = run_query('select source, tables from raw.months order by source, month').rows %}
        {% for node in graph.sources.values() if node.source_name == 'raw' %}
            {% set files = [] %}
            {% for month in months if month[0] == node.meta.get('source', month[0]) %}
                {% for path in fromjson(month[1]).get(node.meta.table, []) %}
                    {% do files.append(root ~ '/' ~ path) %}
                {% endfor %}
            {% endfor %}
            {% set rows = raw_loads_sql(node) if node.meta.table == 'loads' else raw_files_sql(node, files) %}
            {% do run_query(replace ~ ' view ' ~ unless ~ ' raw.' ~ node.name ~ ' as ' ~ rows) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# Every committed load: source, month, its files and its tables (name -> Parquet paths below raw), both as JSON. #}
{% macro raw_months_sql(root) %}
    {% set pattern = root ~ '/*/*/month.json' %}
    {% set committed = run_query("select count(*) from glob('" ~ pattern ~ "')").columns[0].values()[0] %}
    {% set content = "read_text('" ~ pattern ~ "')" if committed else "(select '{}' as content where false)" %}
    {{ return(
        "select json_extract_string(content, '$.source') as source, json_extract_string(content, '$.month') as month, "
        ~ "json_extract(content, '$.files') as files, cast(json_extract(content, '$.tables') as varchar) as tables from "
        ~ content
    ) }}
{% endmacro %}

{# One row per loaded file, those without rows included. #}
{% macro raw_loads_sql(node) %}
    {% set shape = '[{"path": "VARCHAR", "content_hash": "VARCHAR", "rows": "BIGINT", "quarantined": "BIGINT"}]' %}
    {{ return(
        "select source, cast(month || '-01' as date) as billing_month, file.path as source_file, file.content_hash, "
        ~ "file.rows, file.quarantined from (select source, month, unnest(from_json(files, '" ~ shape ~ "')) as file "
        ~ "from raw.months) as loaded"
    ) }}
{% endmacro %}

{% macro raw_files_sql(node, files) %}
    {% if files %}
        {% set names = node.columns.values() | map(attribute='name') | join(', ') %}
        {% set listed = files | map('replace', "'", "''") | join("', '") %}
        {{ return("select " ~ names ~ " from read_parquet(['" ~ listed ~ "'])") }}
    {% endif %}
    {% set typed = [] %}
    {% for column in node.columns.values() %}
        {% do typed.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.name) %}
    {% endfor %}
    {{ return('select ' ~ typed | join(', ') ~ ' where false') }}
{% endmacro %}
