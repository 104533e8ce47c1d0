{# Fails with one row per billing_month and value of `columns` that occurs more than once; nulls are equal. #}
{% test unique_per_month(model, columns) %}
select
    billing_month,
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by billing_month, {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
