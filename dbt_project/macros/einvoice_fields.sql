{# Names of the compared fields (seeds/einvoice_compared_fields.csv) of one kind. #}
{% macro einvoice_identifiers() %}
    {{ return(compared_fields() | selectattr('kind', 'equalto', 'identifier') | map(attribute='name') | list) }}
{% endmacro %}

{% macro einvoice_amounts() %}
    {{ return(compared_fields() | selectattr('kind', 'equalto', 'amount') | map(attribute='name') | list) }}
{% endmacro %}

{# Column of the staging models that holds an identifier as it is compared: dates as they are, the others as text. #}
{% macro einvoice_key(identifier) %}
    {% set dates = compared_fields() | selectattr('form', 'equalto', 'date') | map(attribute='name') | list %}
    {{ return(identifier if identifier in dates else identifier ~ '_key') }}
{% endmacro %}

{# Every match of a pattern removed. #}
{% macro remove_all(text, pattern) -%}
    {{ return(adapter.dispatch('remove_all')(text, pattern)) }}
{%- endmacro %}
{% macro duckdb__remove_all(text, pattern) -%} regexp_replace({{ text }}, '{{ pattern }}', '', 'g') {%- endmacro %}
{% macro default__remove_all(text, pattern) -%} regexp_replace({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', '') {%- endmacro %}

{# The first match of a pattern replaced by its first group. #}
{% macro keep_group(text, pattern) -%}
    {{ return(adapter.dispatch('keep_group')(text, pattern)) }}
{%- endmacro %}
{% macro duckdb__keep_group(text, pattern) -%} regexp_replace({{ text }}, '{{ pattern }}', '\1') {%- endmacro %}
{% macro default__keep_group(text, pattern) -%} regexp_replace({{ text }}, '{{ pattern }}', '$1') {%- endmacro %}

{# A text without the digits at its end. #}
{% macro without_last_digits(text) -%}
    {{ return(adapter.dispatch('without_last_digits')(text)) }}
{%- endmacro %}
{% macro duckdb__without_last_digits(text) -%} rtrim({{ text }}, '0123456789') {%- endmacro %}
{% macro default__without_last_digits(text) -%} trim(trailing '0123456789' from {{ text }}) {%- endmacro %}

{# One row per line of a text. #}
{% macro each_line(text) -%}
    {{ return(adapter.dispatch('each_line')(text)) }}
{%- endmacro %}
{% macro duckdb__each_line(text) -%} unnest(string_split({{ text }}, chr(10))) {%- endmacro %}
{% macro default__each_line(text) -%} explode(split({{ text }}, '\\n')) {%- endmacro %}

{% macro add_days(day, count) -%}
    {{ return(adapter.dispatch('add_days')(day, count)) }}
{%- endmacro %}
{% macro duckdb__add_days(day, count) -%} cast({{ day }} + {{ count }} as date) {%- endmacro %}
{% macro default__add_days(day, count) -%} date_add({{ day }}, {{ count }}) {%- endmacro %}

{#
    An amount as it is compared: magnitude at 2 decimals, half up; null is 0 (spec/einvoice_reconciliation.md, 1).
    Below a million the raw decimal fits 64 bits, whose arithmetic is many times faster than that of 128.
#}
{% macro magnitude(amount) -%}
    {%- set positive = 'abs(coalesce(' ~ amount ~ ', 0))' -%}
    case
        when {{ positive }} < 1000000 then cast(round(cast({{ positive }} as decimal(18, 12)), 2) as decimal(18, 2))
        else cast(round({{ positive }}, 2) as decimal(18, 2))
    end
{%- endmacro %}

{% macro signed(side, amount) -%}
    case when {{ side }}.amount_sign < 0 then -{{ side }}.{{ amount }} else {{ side }}.{{ amount }} end
{%- endmacro %}

{# Zeros after a TIN's letters say nothing. #}
{% macro tin_key(column) -%} {{ keep_group(column, '^([A-Z]+)0+') }} {%- endmacro %}

{# Excel drops the leading zero of a code that it takes for a number. #}
{% macro type_key(column='document_type_key') -%}
    case when length({{ column }}) = 1 then '0' || {{ column }} else {{ column }} end
{%- endmacro %}

{# The normalised text of a compared field of the raw tables. #}
{% macro text_key(field) -%}
    {%- if field.form == 'tin' -%} {{ tin_key(field.name ~ '_key') }}
    {%- elif field.form == 'type' -%} {{ type_key(field.name ~ '_key') }}
    {%- else -%} {{ field.name }}_key
    {%- endif -%}
{%- endmacro %}

{# Letters and digits of a document number without leading zeros; null when none is left. #}
{% macro loose_number() -%}
    nullif({{ remove_all(remove_all('document_number_key', '[^\\p{L}\\p{N}]'), '^0+') }}, '')
{%- endmacro %}

{# Fields of a raw document of either side as they came and as they are compared: the columns both sides share. #}
{% macro einvoice_document_columns(date) -%}
    {% for field in einvoice_identifiers() -%}
    {{ date ~ ' as ' if field == 'document_date' }}{{ field }},
    {% endfor -%}
    {% for field in compared_fields() if field.form in ['tin', 'type', 'text'] -%}
    {{ text_key(field) }} as {{ field.name }}_key,
    {% endfor -%}
    {{ loose_number() }} as loose_number,
    case when {{ type_key() }} in ('02', '04', '12', '14') then -1 else 1 end as amount_sign,
    {% for amount in einvoice_amounts() -%}
    {{ magnitude(amount) }} as {{ amount }},
    {% endfor -%}
    exchange_rate,
    -- A rate is ringgit for one unit of the currency; one of 0 or less is none.
    cast(
        case
            when currency_code_key = 'MYR' then 1
            when exchange_rate > 0 and exchange_rate < 100000000 then exchange_rate
        end as decimal(20, 12)
    ) as rate
{%- endmacro %}

{#
    Register rows of `rows` (stg_erp__register_rows or some of it) as documents, one row per row. What a reader leaves
    out is not computed; whoever needs few documents picks their rows first, as computing is what costs.
#}
{% macro register_documents(rows) -%}
select
    register_id,
    register_type,
    billing_month,
    row_reference,
    consolidated_einvoice_number_key,
    einvoice_uuid_key,
    supplier_name,
    buyer_name,
    source_file,
    source_row,
    {{ einvoice_document_columns('document_date') }},
    case register_type when 'sales' then {{ tin_key('buyer_tin_key') }} else {{ tin_key('supplier_tin_key') }} end
        as counterparty_tin_key,
    {{ add_days('billing_month', -31) }} as window_start,
    {{ add_days('last_day(billing_month)', 31) }} as window_end
from {{ rows }}
{%- endmacro %}

{# E-invoices of `rows` (stg_myinvois__einvoice_rows or some of it) as documents; likewise. #}
{% macro einvoice_documents(rows) -%}
select
    einvoice_id,
    register_type,
    billing_month,
    uuid,
    uuid_key,
    status_key,
    is_status_assumed,
    direction,
    validated_at,
    buyer_tin_key = 'EI00000000010' as is_consolidated,
    is_disclosed,
    line_numbers,
    supplier_name,
    buyer_name,
    source_file,
    source_row,
    {{ einvoice_document_columns('issue_date') }},
    case register_type when 'sales' then {{ tin_key('buyer_tin_key') }} else {{ tin_key('supplier_tin_key') }} end
        as counterparty_tin_key
from {{ rows }}
{%- endmacro %}

{#
    The documents whose ids are in `ids`. Most are unsettled; of the others the raw rows are picked before anything is
    computed of them.
#}
{% macro picked_registers(ids) -%}
select documents.*
from {{ ref('int_einvoices__unsettled_registers') }} as documents
inner join (select distinct register_id from {{ ids }} as wanted) as ids on documents.register_id = ids.register_id
union all
select settled.*
from ({{ register_documents(_picked_settled('stg_erp__register_rows', 'register_id', ids)) }}) as settled
{%- endmacro %}

{% macro picked_einvoices(ids) -%}
select documents.*
from {{ ref('int_einvoices__unsettled_einvoices') }} as documents
inner join (select distinct einvoice_id from {{ ids }} as wanted) as ids on documents.einvoice_id = ids.einvoice_id
union all
select settled.*, 'takes_part' as participation
from ({{ einvoice_documents(_picked_settled('stg_myinvois__einvoice_rows', 'einvoice_id', ids)) }}) as settled
{%- endmacro %}

{% macro _picked_settled(rows, id, ids) -%}
(
    select loaded.*
    from {{ ref(rows) }} as loaded
    inner join (
        select distinct wanted.{{ id }}
        from {{ ids }} as wanted
        inner join {{ ref('int_einvoices__settled') }} as settled on wanted.{{ id }} = settled.{{ id }}
    ) as ids on loaded.{{ id }} = ids.{{ id }}
) as picked_rows
{%- endmacro %}

{#
    What tells two documents apart when nothing else does; equal for documents that are alike in every compared value.
    Only for the few that meet: of all documents it would cost more than their comparison.
#}
{% macro register_content(side) -%}
    {{ content_key(side, "coalesce(" ~ side ~ ".row_reference, '') || '|' || coalesce(" ~ side ~ ".consolidated_einvoice_number_key, '') || coalesce('|' || " ~ side ~ ".einvoice_uuid_key, '')") }}
{%- endmacro %}

{% macro einvoice_content(side) -%}
    {{ content_key(side, "coalesce(" ~ side ~ ".uuid_key, '') || '|' || " ~ side ~ ".status_key") }}
{%- endmacro %}

{% macro content_key(side, own) -%}
    md5(
        {%- for identifier in einvoice_identifiers() %}
        coalesce(cast({{ side }}.{{ einvoice_key(identifier) }} as string), '') || '|' ||
        {%- endfor %}
        {%- for amount in einvoice_amounts() %}
        cast({{ side }}.{{ amount }} as string) || '|' ||
        {%- endfor %}
        coalesce({{ decimal_text(side ~ '.rate', 12) }}, '') || '|' || coalesce({{ own }}, '')
    )
{%- endmacro %}

{# A decimal with that many places as text. Spark writes small ones with an exponent unless they are formatted. #}
{% macro decimal_text(column, places) -%}
    {{ return(adapter.dispatch('decimal_text')(column, places)) }}
{%- endmacro %}
{% macro duckdb__decimal_text(column, places) -%} cast({{ column }} as string) {%- endmacro %}
{% macro default__decimal_text(column, places) -%} replace(format_number({{ column }}, {{ places }}), ',', '') {%- endmacro %}

{# Equal texts have equal fingerprints, so texts that repeat are sought among repeated fingerprints. #}
{% macro fingerprint(text) -%}
    {{ return(adapter.dispatch('fingerprint')(text)) }}
{%- endmacro %}
{% macro duckdb__fingerprint(text) -%} hash({{ text }}) {%- endmacro %}
{% macro default__fingerprint(text) -%} xxhash64({{ text }}) {%- endmacro %}

{# Whether an e-invoice takes part, or why not (section 2 and 6.8); `superseded` is left-joined. #}
{#
    A record of the API's metadata alone tells the status of its uuid: of documents every one has a currency
    (spec/intake.md, 10).
#}
{% macro tells_status_alone(documents) -%} {{ documents }}.currency_code_key is null {%- endmacro %}

{% macro participation(documents, superseded) -%}
    case
        when {{ superseded }}.einvoice_id is not null then coalesce(lower({{ superseded }}.status_told), 'superseded')
        when {{ documents }}.status_key = 'CANCELLED' then 'cancelled'
        when {{ documents }}.status_key = 'INVALID' then 'invalid'
        when {{ documents }}.status_key = 'SUBMITTED' and {{ documents }}.direction = 'received' then 'submitted'
        else 'takes_part'
    end
{%- endmacro %}

{# The rows of `documents`, a relation of e-invoices, that take part (rule 8). #}
{% macro taking_part(documents) -%}
    select {{ documents }}.*
    from {{ documents }}
    left join {{ ref('stg_myinvois__superseded') }} as superseded on {{ documents }}.einvoice_id = superseded.einvoice_id
    where {{ participation(documents, 'superseded') }} = 'takes_part'
{%- endmacro %}

{# Every compared field of the pairs of int_einvoices__shown that meet a condition: 13 rows each, in the pairs' order. #}
{% macro einvoice_fields(condition) -%}
{% set fields = compared_fields() -%}
{% set field_names = fields | map(attribute='name') | list -%}
{% set no_amount = 'cast(null as decimal(18, 2))' -%}
{% set names, kinds, values, equal, no_difference = [], [], {'register': [], 'einvoice': []}, [], [] -%}
{% for field in fields -%}
{% do names.append(one_of("'" ~ field.name ~ "'", field_names)) -%}
{% do kinds.append(one_of("'" ~ field.kind ~ "'", ['identifier', 'amount'])) -%}
{% do equal.append('true') -%}
{% do no_difference.append('cast(0 as decimal(18, 2))' if field.kind == 'amount' else no_amount) -%}
{% for side in values -%} {% do values[side].append('cast(' ~ side ~ '_' ~ field.name ~ ' as string)') -%} {% endfor -%}
{% endfor -%}
with pairs as (

    select
        billing_month,
        reconciliation_key,
        register_type,
        uuid,
        numbers_without_row,
        {{ list_of(range(1, fields | length + 1)) }} as position,
        {{ list_of(names) }} as field,
        {{ list_of(kinds) }} as kind,
        {{ list_of(values.register) }} as register_value,
        {{ list_of(values.einvoice) }} as einvoice_value,
        -- Of a settled pair nothing differs.
        coalesce(are_equal, {{ list_of(equal) }}) as equal,
        coalesce(differences, {{ list_of(no_difference) }}) as difference,
        coalesce(differences_myr, {{ list_of(no_difference) }}) as difference_myr
    from {{ ref('int_einvoices__shown') }}
    where {{ condition }}

),

spread as (

    {{ spread_lists(
        'pairs',
        ['billing_month', 'reconciliation_key', 'register_type', 'uuid', 'numbers_without_row'],
        ['position', 'field', 'kind', 'register_value', 'einvoice_value', 'equal', 'difference', 'difference_myr'],
    ) }}

)

select
    billing_month,
    reconciliation_key,
    register_type,
    uuid,
    position,
    field,
    kind,
    register_value,
    einvoice_value,
    equal,
    difference,
    difference_myr,
    case when field = 'document_number' then numbers_without_row end as numbers_without_row,
    {{ publication_columns() }}
from spread
{%- endmacro %}
