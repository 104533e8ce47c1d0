{# Fails with the rows in which one of `columns` is null. One test for all of them: each check is recorded per month. #}
{% test complete(model, columns) %}
select *
from {{ model }}
where {% for column in columns %}{{ column }} is null{% if not loop.last %} or {% endif %}{% endfor %}
{% endtest %}
