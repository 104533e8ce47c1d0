{# SHA-256 of a text, in lower-case hexadecimal. #}
{% macro sha256_hex(text) -%}
    {{ return(adapter.dispatch('sha256_hex')(text)) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(text) -%} sha256({{ text }}) {%- endmacro %}
{% macro default__sha256_hex(text) -%} sha2({{ text }}, 256) {%- endmacro %}

{# A month as YYYY-MM. #}
{% macro month_text(day) -%} substr(cast({{ day }} as string), 1, 7) {%- endmacro %}

{# Stable key of a subscription's month (spec/subscription_reconciliation.md, 5.17). #}
{% macro subscription_key(billing_month, ms_subscription_id) -%}
    {{ sha256_hex("'subscription|' || " ~ month_text(billing_month) ~ " || '|' || " ~ ms_subscription_id) }}
{%- endmacro %}

{# Columns of every mart that the publication fills in: when it was published and by which run. #}
{% macro publication_columns() -%}
    cast(null as {{ 'timestamp with time zone' if target.type == 'duckdb' else 'timestamp_ltz' }}) as published_at,
    cast(null as string) as run_id
{%- endmacro %}

{#
    A text without blanks around it, those of Unicode (category Zs) included, as DuckDB's `trim` has it; Spark's knows the plain one alone.
    DuckDB looks at every character to trim; most texts are plain ASCII without any blank.
#}
{% macro trimmed(text) -%}
    {{ return(adapter.dispatch('trimmed')(text)) }}
{%- endmacro %}

{% macro duckdb__trimmed(text) -%}
    case when contains({{ text }}, ' ') or length({{ text }}) <> strlen({{ text }}) then trim({{ text }}) else {{ text }} end
{%- endmacro %}

{% macro default__trimmed(text) -%}
    case
        when length({{ text }}) = octet_length({{ text }}) then trim({{ text }})
        else trim(both ' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000' from {{ text }})
    end
{%- endmacro %}

{# The Microsoft subscription a line belongs to: lower-cased and trimmed; empty and the all-zero GUID are absent. #}
{% macro subscription_id(column) -%}
    coalesce(nullif(nullif(lower({{ trimmed(column) }}), ''), '00000000-0000-0000-0000-000000000000'), 'unassigned')
{%- endmacro %}

{# A number for each row, unique within the build and in no order. #}
{% macro any_number() -%}
    {{ return(adapter.dispatch('any_number')()) }}
{%- endmacro %}

{% macro duckdb__any_number() -%} row_number() over () {%- endmacro %}
{% macro default__any_number() -%} monotonically_increasing_id() {%- endmacro %}
