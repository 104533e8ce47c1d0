{# An amount at the decimals of its currency (minor unit 1, 0.01 or 0.001), rounded half away from zero. #}
{% macro at_minor_unit(amount, minor_unit) -%}
    case {{ minor_unit }}
        when 1 then cast(round({{ amount }}, 0) as decimal(38, 3))
        when 0.001 then cast(round({{ amount }}, 3) as decimal(38, 3))
        else cast(round({{ amount }}, 2) as decimal(38, 3))
    end
{%- endmacro %}
