{#
    round(amount * numerator / denominator, 6), computed exactly and rounded once, half away from zero.
    `amount` is DECIMAL with at most 12 decimals, numerator and denominator are whole numbers, denominator > 0.
    DuckDB's `/` on decimals gives DOUBLE, so the division is one of whole numbers of a trillionth; Spark's `div` gives
    BIGINT, and its sign() DOUBLE. A division of 38 digits takes DuckDB 2 microseconds and Spark longer, so that amounts
    that are borne whole are only rounded: on DuckDB those below a million, on 18 digits.
#}
{% macro exact_ratio(amount, numerator, denominator) -%}
    {{ return(adapter.dispatch('exact_ratio')(amount, numerator, denominator)) }}
{%- endmacro %}

{% macro duckdb__exact_ratio(amount, numerator, denominator) -%}
    case
        when {{ numerator }} = {{ denominator }} and abs({{ amount }}) < 1000000
            then cast(cast({{ amount }} as decimal(18, 12)) as decimal(18, 6))
        else cast(
        sign({{ amount }}) * cast(
            (2 * cast(abs({{ amount }}) * 1000000000000 as hugeint) * {{ numerator }} + {{ denominator }} * 1000000)
            // (2 * {{ denominator }} * 1000000)
            as decimal(38, 0)
        ) * cast(0.000001 as decimal(7, 6))
        as decimal(18, 6)
    ) end
{%- endmacro %}

{% macro default__exact_ratio(amount, numerator, denominator) -%}
    {%- set whole = 'cast(' ~ denominator ~ ' as bigint)' -%}
    {%- set part = '(2 * cast(abs(' ~ amount ~ ') * 1000000000000 as decimal(38, 0)) * ' ~ numerator ~ ' + ' ~ whole ~ ' * 1000000)' -%}
    case
        when {{ numerator }} = {{ denominator }} then cast(round({{ amount }}, 6) as decimal(18, 6))
        else cast(
            case when {{ amount }} < 0 then -1 else 1 end
            * {{ whole_quotient(part, 'cast(2000000 * ' ~ whole ~ ' as decimal(19, 0))') }}
            * cast(0.000001 as decimal(7, 6))
            as decimal(18, 6)
        )
    end
{%- endmacro %}

{#
    The quotient of two whole decimals of at least 0 and more than 0, without its fraction, where no operator gives it. Of a
    dividend less its remainder the division is exact, whatever scale the engine gives it: with a divisor of 19 digits at
    most that is 9 decimals behind 29 digits, with a larger one the quotient has no more than 19 (Spark 3.5 with
    decimalOperations.allowPrecisionLoss=false).
#}
{% macro whole_quotient(dividend, divisor) -%}
    cast(({{ dividend }} - {{ dividend }} % {{ divisor }}) / {{ divisor }} as decimal(29, 0))
{%- endmacro %}
