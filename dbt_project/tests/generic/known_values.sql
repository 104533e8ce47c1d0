{# Fails with the rows in which a column holds anything but null or one of its `allowed` values. #}
{% test known_values(model, allowed) %}
select *
from {{ model }}
where {% for column, values in allowed.items() %}{{ column }} not in ('{{ values | join("', '") }}'){% if not loop.last %} or {% endif %}{% endfor %}
{% endtest %}
