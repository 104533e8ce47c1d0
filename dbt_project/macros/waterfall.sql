{# Statements of reconciliation_waterfall whose steps do not lead from the left total to the right one. #}
{% macro waterfall_that_does_not_foot(subject) -%}
select
    billing_month,
    register_type,
    currency,
    sum(case when step = 'right_total' then -amount else amount end) as gap
from {{ ref('reconciliation_waterfall') }}
where reconciliation = '{{ subject }}'
group by billing_month, register_type, currency
having
    sum(case when step = 'right_total' then -amount else amount end) <> 0
    or count(case when step = 'left_total' then 1 end) <> 1
    or count(case when step = 'right_total' then 1 end) <> 1
{%- endmacro %}
