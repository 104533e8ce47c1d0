{# quantity x unit cost as DECIMAL(38, 12); exact up to 24 decimals, then rounded once. Readers reject 10^12 and more. #}
{% macro exact_product(quantity, unit_cost) -%}
    cast({{ quantity }} * {{ unit_cost }} as decimal(38, 12))
{%- endmacro %}
