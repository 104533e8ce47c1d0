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
        {% do run_query(engine_settings() ~ 'create schema if not exists raw') %}
        {% if flags.WHICH in ('run', 'build') %}
            {% do run_query('drop table if exists raw.months') %}
        {% endif %}
        {% do run_query('create table if not exists raw.months as ' ~ raw_months_sql(root)) %}
        {% set months = run_query('select source, tables from raw.months order by source, month').rows %}
        {% set statements = [] %}
        {% for node in graph.sources.values() if node.source_name == 'raw' %}
            {% set files = [] %}
            {% for month in months if month[0] == node.meta.get('source', month[0]) %}
                {% for path in fromjson(month[1]).get(node.meta.table, []) %}
                    {% do files.append(path) %}
                {% endfor %}
            {% endfor %}
            {% if var(node.meta.table ~ '_file', '') %}
                {% do files.append(var(node.meta.table ~ '_file')) %}
            {% endif %}
            {% set view = replace ~ ' view ' ~ unless ~ ' raw.' ~ node.name ~ ' as ' %}
            {% if node.meta.table == 'loads' %}
                {% do statements.append(view ~ raw_loads_sql(node)) %}
            {% elif files %}
                {% do statements.extend(landed_rows_statements(node, root, files, view)) %}
            {% else %}
                {% do statements.append(view ~ no_rows_sql(node)) %}
            {% endif %}
        {% endfor %}
        {% do run_statements(statements) %}
    {% endif %}
{% endmacro %}

{# Settings of the whole build that a profile cannot give: statements before another. #}
{% macro engine_settings() %}
    {{ return(adapter.dispatch('engine_settings')()) }}
{% endmacro %}

{# Blocks are used again without a page fault for each 4 KB of them. A share of memory_limit is understood here alone. #}
{% macro duckdb__engine_settings() %}
    {{ return("set block_allocator_memory = '60%'; ") }}
{% endmacro %}

{% macro default__engine_settings() %}
    {{ return('') }}
{% endmacro %}

{% macro run_statements(statements) %}
    {% do adapter.dispatch('run_statements')(statements) %}
{% endmacro %}

{# As one: what dbt does around a statement takes longer than these. #}
{% macro duckdb__run_statements(statements) %}
    {% do run_query(statements | join(';\n')) %}
{% endmacro %}

{% macro default__run_statements(statements) %}
    {% for statement in statements %}
        {% do run_query(statement) %}
    {% endfor %}
{% endmacro %}

{# Every committed load: source, month, its files and its tables (name -> Parquet paths below raw), both as JSON. #}
{% macro raw_months_sql(root) %}
    {{ return(adapter.dispatch('raw_months_sql')(root)) }}
{% endmacro %}

{% macro duckdb__raw_months_sql(root) %}
    {% set pattern = root ~ '/*/*/month.json' %}
    {% set committed = run_query("select count(*) from glob('" ~ pattern ~ "')").columns[0].values()[0] %}
    {% set content = "read_text('" ~ pattern ~ "')" if committed else "(select '{}' as content where false)" %}
    {{ return(
        "select json_extract_string(content, '$.source') as source, json_extract_string(content, '$.month') as month, "
        ~ "json_extract(content, '$.files') as files, cast(json_extract(content, '$.tables') as string) as tables from "
        ~ content
    ) }}
{% endmacro %}

{# The folders of failed loads lie deeper; they hold no file of that name. #}
{% macro default__raw_months_sql(root) %}
    {% set shape = 'source string, month string, files string, tables string' %}
    {% do run_query(
        "create or replace temporary view month_files using text options (path '" ~ root
        ~ "', pathGlobFilter 'month.json', recursiveFileLookup 'true', wholetext 'true')"
    ) %}
    {{ return(
        "select month.* from (select from_json(value, '" ~ shape ~ "') as month from month_files) as committed"
    ) }}
{% endmacro %}

{# One row per loaded file, those without rows included. #}
{% macro raw_loads_sql(node) %}
    {{ return(adapter.dispatch('raw_loads_sql')(node)) }}
{% endmacro %}

{% macro duckdb__raw_loads_sql(node) %}
    {% set shape = '[{"path": "VARCHAR", "content_hash": "VARCHAR", "rows": "BIGINT", "quarantined": "BIGINT"}]' %}
    {{ return(
        "select source, cast(month || '-01' as date) as billing_month, file.path as source_file, file.content_hash, "
        ~ "file.rows, file.quarantined from (select source, month, unnest(from_json(files, '" ~ shape ~ "')) as file "
        ~ "from raw.months) as loaded"
    ) }}
{% endmacro %}

{% macro default__raw_loads_sql(node) %}
    {% set shape = 'array<struct<path: string, content_hash: string, rows: bigint, quarantined: bigint>>' %}
    {{ return(
        "select source, cast(month || '-01' as date) as billing_month, file.path as source_file, file.content_hash, "
        ~ "file.rows, file.quarantined from raw.months lateral view explode(from_json(files, '" ~ shape ~ "')) as file"
    ) }}
{% endmacro %}

{% macro no_rows_sql(node) %}
    {% set typed = [] %}
    {% for column in node.columns.values() %}
        {% do typed.append('cast(null as ' ~ column.data_type | replace('varchar', 'string') ~ ') as ' ~ column.name) %}
    {% endfor %}
    {{ return('select ' ~ typed | join(', ') ~ ' where false') }}
{% endmacro %}

{#
    What registers the rows of `files`; `view` is how a view of them begins. Months that an older version loaded lack columns
    that came later: those are null.
#}
{% macro landed_rows_statements(node, root, files, view) %}
    {{ return(adapter.dispatch('landed_rows_statements')(node, root, files, view)) }}
{% endmacro %}

{% macro duckdb__landed_rows_statements(node, root, files, view) %}
    {% set names = node.columns.values() | map(attribute='name') | join(', ') %}
    {{ return([
        view ~ 'select ' ~ names ~ ' from (select * from ' ~ parquet_files(root, files) ~ ' union all by name '
        ~ no_rows_sql(node) ~ ') as landed'
    ]) }}
{% endmacro %}

{# A table where the files lie: of a view over files, Spark would read what columns they have for every query. #}
{% macro default__landed_rows_statements(node, root, files, view) %}
    {% set columns = [] %}
    {% for column in node.columns.values() %}
        {% do columns.append(column.name ~ ' ' ~ column.data_type | replace('varchar', 'string')) %}
    {% endfor %}
    {% set path = parquet_files(root, files) | replace('\\', '\\\\') | replace("'", "\\'") %}
    {% set statements = ['drop table if exists raw.' ~ node.name] if flags.WHICH in ('run', 'build') else [] %}
    {% do statements.append(
        'create table if not exists raw.' ~ node.name ~ ' (' ~ columns | join(', ') ~ ") using parquet options (path '" ~ path ~ "')"
    ) %}
    {{ return(statements) }}
{% endmacro %}

{# Parquet files below `root`: on DuckDB a table, on Spark a path. #}
{% macro parquet_files(root, files) %}
    {{ return(adapter.dispatch('parquet_files')(root, files)) }}
{% endmacro %}

{% macro duckdb__parquet_files(root, files) %}
    {% set listed = [] %}
    {% for file in files %}
        {% do listed.append("'" ~ (root ~ '/' ~ file) | replace("'", "''") ~ "'") %}
    {% endfor %}
    {{ return('read_parquet([' ~ listed | join(', ') ~ '], union_by_name = true)') }}
{% endmacro %}

{# One path of alternatives, in which what a pattern would read as more than itself is escaped. #}
{% macro default__parquet_files(root, files) %}
    {% set escaped = [] %}
    {% for path in [root] + files %}
        {% do escaped.append(modules.re.sub('([\\\\{}\\[\\]*?,])', '\\\\\\1', path)) %}
    {% endfor %}
    {{ return(escaped[0] ~ '/{' ~ escaped[1:] | join(',') ~ '}') }}
{% endmacro %}
