{#
    round(amount * numerator / denominator, 6), computed exactly and rounded once, half away from zero.
    `amount` is DECIMAL with at most 12 decimals, numerator and denominator are whole numbers, denominator > 0.
    DuckDB's `/` on decimals gives DOUBLE, so the division is one of whole numbers of a trillionth.
#}
{% macro exact_ratio(amount, numerator, denominator) -%}
    {{ return(adapter.dispatch('exact_ratio')(amount, numerator, denominator)) }}
{%- endmacro %}

{% macro duckdb__exact_ratio(amount, numerator, denominator) -%}
    cast(
        sign({{ amount }}) * cast(
            (2 * cast(abs({{ amount }}) * 1000000000000 as hugeint) * {{ numerator }} + {{ denominator }} * 1000000)
            // (2 * {{ denominator }} * 1000000)
            as decimal(38, 0)
        ) * cast(0.000001 as decimal(7, 6))
        as decimal(18, 6)
    )
{%- endmacro %}

{% macro default__exact_ratio(amount, numerator, denominator) -%}
    cast(
        sign({{ amount }}) * (
            (2 * cast(abs({{ amount }}) * 1000000000000 as decimal(38, 0)) * {{ numerator }} + {{ denominator }} * 1000000)
            div (2 * {{ denominator }} * 1000000)
        ) * cast(0.000001 as decimal(7, 6))
        as decimal(18, 6)
    )
{%- endmacro %}
