{#
    Fails with the months and values of the rows in which a column holds anything but null or one of its `allowed` values. No
    further columns: DuckDB would make the keys of all rows to leave out those that do not fail.
#}
{% test known_values(model, allowed) %}
select billing_month, {{ allowed | join(', ') }}
from {{ model }}
where {% for column, values in allowed.items() %}{{ column }} not in ('{{ values | join("', '") }}'){% if not loop.last %} or {% endif %}{% endfor %}
{% endtest %}
