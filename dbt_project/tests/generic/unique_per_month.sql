{#
    Fails with one row per billing_month and value of `columns` that occurs more than once; nulls are equal. `view_of`: the table
    that the model is a view of on DuckDB, row by row; its columns are narrower.
#}
{% test unique_per_month(model, columns, view_of=none) %}
select
    billing_month,
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ view_of if view_of and target.type == 'duckdb' else model }}
group by billing_month, {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
