{#
    "A month always has 30 days" (spec/subscription_reconciliation.md, 2).

    c30(d)     = 360 * year + 30 * (month - 1) + (30 if d is the last day of its month else min(day, 30))
    d30(a, b)  = c30(b) - c30(a - 1 day): days from a to b, both included; 30 in every full month
#}
{% macro c30(day) -%}
    (360 * year({{ day }}) + 30 * (month({{ day }}) - 1)
        + case when {{ day }} = last_day({{ day }}) then 30 else least(day({{ day }}), 30) end)
{%- endmacro %}

{# c30 of the day before: the day before a first is the last of its month, every other one has its number less 1. #}
{% macro c30_before(day) -%}
    (360 * year({{ day }}) + 30 * (month({{ day }}) - 1) + least(day({{ day }}) - 1, 30))
{%- endmacro %}

{% macro d30(first_day, final_day) -%}
    ({{ c30(final_day) }} - {{ c30_before(first_day) }})
{%- endmacro %}

{# Days from a to b, both included, by the calendar. #}
{% macro days_inclusive(first_day, final_day) -%}
    {{ return(adapter.dispatch('days_inclusive')(first_day, final_day)) }}
{%- endmacro %}

{% macro default__days_inclusive(first_day, final_day) -%}
    (datediff({{ final_day }}, {{ first_day }}) + 1)
{%- endmacro %}

{% macro duckdb__days_inclusive(first_day, final_day) -%}
    (date_diff('day', {{ first_day }}, {{ final_day }}) + 1)
{%- endmacro %}

{#
    Numerator and denominator of the coverage factor of an item in a period, as whole days.
    thirty_360 (default): 30/360 days of the overlap over those of the item; an item of 0 such days (a lone 31st)
    falls back to calendar days. days_over_30: calendar days of the overlap, at most 30, over 30, for items of up to
    one month; longer ones use thirty_360 under either setting. Without overlap the numerator is 0.
#}
{% macro coverage_numerator(item_start, item_end, period_start, period_end) -%}
    {%- set first_day = 'greatest(' ~ item_start ~ ', ' ~ period_start ~ ')' -%}
    {%- set final_day = 'least(' ~ item_end ~ ', ' ~ period_end ~ ')' -%}
    case
        when {{ first_day }} > {{ final_day }} then 0
        {% if var('coverage_method') == 'days_over_30' -%}
        when {{ d30(item_start, item_end) }} <= 30 then least({{ days_inclusive(first_day, final_day) }}, 30)
        {% endif -%}
        when {{ d30(item_start, item_end) }} = 0 then {{ days_inclusive(first_day, final_day) }}
        else {{ d30(first_day, final_day) }}
    end
{%- endmacro %}

{% macro coverage_denominator(item_start, item_end) -%}
    case
        {% if var('coverage_method') == 'days_over_30' -%}
        when {{ d30(item_start, item_end) }} <= 30 then 30
        {% endif -%}
        when {{ d30(item_start, item_end) }} = 0 then {{ days_inclusive(item_start, item_end) }}
        else {{ d30(item_start, item_end) }}
    end
{%- endmacro %}

{% macro coverage_class(item_start, item_end, period_start, period_end) -%}
    case
        when {{ item_start }} is null or {{ item_end }} is null then 'undated'
        when {{ item_start }} >= {{ period_start }} and {{ item_end }} <= {{ period_end }} then 'inside'
        when {{ item_start }} >= {{ period_start }} then 'starts_in'
        when {{ item_end }} <= {{ period_end }} then 'ends_in'
        else 'spans'
    end
{%- endmacro %}
