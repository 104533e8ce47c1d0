{# An amount at the decimals of its currency (minor unit 1, 0.01 or 0.001), rounded half away from zero. #}
{% macro at_minor_unit(amount, minor_unit) -%}
    case {{ minor_unit }}
        when 1 then cast(round({{ amount }}, 0) as decimal(38, 3))
        when 0.001 then cast(round({{ amount }}, 3) as decimal(38, 3))
        else cast(round({{ amount }}, 2) as decimal(38, 3))
    end
{%- endmacro %}

{# The same of a sum of amounts with 6 decimals: DuckDB rounds 18 digits ten times as fast as 38. #}
{% macro sum_at_minor_unit(amount, minor_unit) -%}
    {{ return(adapter.dispatch('sum_at_minor_unit')(amount, minor_unit)) }}
{%- endmacro %}

{% macro default__sum_at_minor_unit(amount, minor_unit) -%} {{ at_minor_unit(amount, minor_unit) }} {%- endmacro %}
{% macro duckdb__sum_at_minor_unit(amount, minor_unit) -%}
    case
        when abs({{ amount }}) < 1000000000000 then {{ at_minor_unit('cast(' ~ amount ~ ' as decimal(18, 6))', minor_unit) }}
        else {{ at_minor_unit(amount, minor_unit) }}
    end
{%- endmacro %}

{# A DECIMAL with 12 decimals at 6, rounded half away from zero; on 18 digits likewise. #}
{% macro at_six_decimals(amount) -%}
    {{ return(adapter.dispatch('at_six_decimals')(amount)) }}
{%- endmacro %}

{% macro default__at_six_decimals(amount) -%} round({{ amount }}, 6) {%- endmacro %}
{% macro duckdb__at_six_decimals(amount) -%}
    case
        when abs({{ amount }}) < 1000000 then cast(cast({{ amount }} as decimal(18, 12)) as decimal(18, 6))
        else round({{ amount }}, 6)
    end
{%- endmacro %}
