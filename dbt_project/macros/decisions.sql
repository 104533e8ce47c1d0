{#
    What people decided, in the marts (spec/decisions.md). A decision holds while the values that it rests on are what
    they were; the fingerprint is also computed in Python (catalogue/decided.py), over the published row.
#}

{# Fingerprint of a row of the decided mart: SHA-256 of its values, amounts at 6 decimals. #}
{% macro row_fingerprint(subject, row) -%}
    {%- set texts = [] -%}
    {%- for column, is_amount in decided_marts()[subject]['values'] -%}
    {%- set value = row ~ '.' ~ column -%}
    {%- do texts.append("coalesce(cast(" ~ ("cast(" ~ value ~ " as decimal(38, 6))" if is_amount else value) ~ " as string), '')") -%}
    {%- endfor -%}
    {{ sha256_hex(texts | join(" || '|' || ")) }}
{%- endmacro %}

{# The decisions about rows of a subject: one for each decided row, the one that it shows. #}
{% macro shown_decisions(subject) -%}
select * from {{ source('raw', 'decisions') }}
where is_shown and reconciliation = '{{ subject }}'
{%- endmacro %}

{#
    Columns of the decided mart about its decision. `row` are the rows with their final values, `made` their decision,
    left-joined; `holds_pair` is whether a decided pair was made.
#}
{% macro decision_columns(subject, row, made, holds_pair='true') -%}
    {%- set mart = decided_marts()[subject] -%}
    {%- set state = decision_state(subject, row, made, holds_pair) -%}
    {{ made }}.action as decision,
    {{ state }} as decision_state,
    {{ made }}.reason as decision_reason,
    {{ made }}.decided_by,
    cast({{ made }}.decided_at as {{ 'timestamp with time zone' if target.type == 'duckdb' else 'timestamp_ltz' }}) as decided_at,
    {{ made }}.status_then as decided_status,
    {{ made }}.difference_then as decided_difference,
    {{ row }}.{{ mart.status }} not in ('{{ mart.settled | join("', '") }}')
    and not coalesce({{ made }}.action in ('accept', 'ignore', 'pending') and {{ state }} = 'holds', false) as is_open
{%- endmacro %}

{# Where a decision stands: null without one. #}
{% macro decision_state(subject, row, made, holds_pair) -%}
    case
        when {{ made }}.action is null then null
        when {{ made }}.action = 'unpair' then 'holds'
        when {{ made }}.action = 'pair' then case when {{ holds_pair }} then 'holds' else 'void' end
        when {{ made }}.fingerprint <> {{ row_fingerprint(subject, row) }} then 'stale'
        when {{ made }}.awaits_approval then 'awaiting_approval'
        when {{ made }}.action = 'pending' and {{ made }}.until_day < {{ as_of_date() }} then 'expired'
        else 'holds'
    end
{%- endmacro %}

{# The step of a statement in which a decided row stands; null for one that is not decided. #}
{% macro decided_step(row) -%}
    case when {{ row }}.decision_state = 'holds' then
        case {{ row }}.decision when 'accept' then 'accepted' when 'ignore' then 'ignored' when 'pending' then 'pending' end
    end
{%- endmacro %}

{# Rows and sums of a status by whether they are open or decided, for the summaries. `settled` rows are neither. #}
{% macro open_and_decided(left, right) -%}
    count(case when is_open then 1 end) as open_row_count,
    sum(case when is_open then {{ left }} else 0 end) as open_left_amount,
    sum(case when is_open then {{ right }} else 0 end) as open_right_amount,
    count(case when is_decided then 1 end) as decided_row_count,
    sum(case when is_decided then {{ left }} else 0 end) as decided_left_amount,
    sum(case when is_decided then {{ right }} else 0 end) as decided_right_amount
{%- endmacro %}
