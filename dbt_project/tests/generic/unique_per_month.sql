{#
    Fails with one row per billing_month and value of `columns` that occurs more than once; nulls are equal. `view_of`: the table
    that the model is a view of on DuckDB, row by row; its columns are narrower. DuckDB first counts rows by one number made of
    the columns, and groups those whose number is not their own.
#}
{% test unique_per_month(model, columns, view_of=none) %}
{%- set rows_in = view_of if view_of and target.type == 'duckdb' else model -%}
{%- set key = 'billing_month, ' ~ columns | join(', ') -%}
select
    {{ key }},
    count(*) as row_count
from {{ rows_in }}
{% if target.type == 'duckdb' -%}
where hash({{ key }}) in (select hash({{ key }}) from {{ rows_in }} group by 1 having count(*) > 1)
{% endif -%}
group by {{ key }}
having count(*) > 1
{% endtest %}
