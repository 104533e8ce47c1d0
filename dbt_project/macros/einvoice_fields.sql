{# The compared fields, as in seeds/einvoice_compared_fields.csv (a test holds both together). #}
{% macro einvoice_identifiers() %}
    {{ return([
        'supplier_tin', 'buyer_tin', 'document_number', 'document_type', 'document_date', 'currency_code',
        'original_document_number',
    ]) }}
{% endmacro %}

{% macro einvoice_amounts() %}
    {{ return([
        'total_excluding_tax', 'total_tax_amount', 'total_including_tax', 'total_payable_amount',
        'total_discount_value', 'total_charge_amount',
    ]) }}
{% endmacro %}

{# Column of the staging models that holds an identifier as it is compared. #}
{% macro einvoice_key(identifier) %}
    {{ return(identifier if identifier == 'document_date' else identifier ~ '_key') }}
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

{% macro add_days(day, count) -%}
    {{ return(adapter.dispatch('add_days')(day, count)) }}
{%- endmacro %}
{% macro duckdb__add_days(day, count) -%} cast({{ day }} + {{ count }} as date) {%- endmacro %}
{% macro default__add_days(day, count) -%} date_add({{ day }}, {{ count }}) {%- endmacro %}

{# An amount as it is compared: magnitude at 2 decimals, half up; null is 0 (spec/einvoice_reconciliation.md, 1). #}
{% macro magnitude(amount) -%} cast(round(abs(coalesce({{ amount }}, 0)), 2) as decimal(18, 2)) {%- endmacro %}

{# Fields of a raw document of either side as they came and as they are compared: the columns both sides share. #}
{% macro einvoice_document_columns(date) -%}
    {%- set type_code = "case when length(document_type_key) = 1 then '0' || document_type_key else document_type_key end" -%}
    supplier_tin,
    buyer_tin,
    document_number,
    document_type,
    {{ date }} as document_date,
    currency_code,
    original_document_number,
    {{ keep_group('supplier_tin_key', '^([A-Z]+)0+') }} as supplier_tin_key,
    {{ keep_group('buyer_tin_key', '^([A-Z]+)0+') }} as buyer_tin_key,
    document_number_key,
    nullif({{ remove_all(remove_all('document_number_key', '[^\\p{L}\\p{N}]'), '^0+') }}, '') as loose_number,
    {{ type_code }} as document_type_key,
    currency_code_key,
    original_document_number_key,
    case when {{ type_code }} in ('02', '04', '12', '14') then -1 else 1 end as amount_sign,
    {% for amount in einvoice_amounts() -%}
    {{ magnitude(amount) }} as {{ amount }},
    {% endfor -%}
    -- A rate is ringgit for one unit of the currency; one of 0 or less is none.
    cast(
        case
            when currency_code_key = 'MYR' then 1
            when exchange_rate > 0 and exchange_rate < 100000000 then exchange_rate
        end as decimal(20, 12)
    ) as rate
{%- endmacro %}

{# What tells two documents apart when nothing else does; equal for documents that are alike in every compared value. #}
{% macro content_key(own) -%}
    md5(
        {%- for identifier in einvoice_identifiers() %}
        coalesce(cast({{ einvoice_key(identifier) }} as varchar), '') || '|' ||
        {%- endfor %}
        {%- for amount in einvoice_amounts() %}
        cast({{ amount }} as varchar) || '|' ||
        {%- endfor %}
        coalesce(cast(rate as varchar), '') || '|' || coalesce({{ own }}, '')
    )
{%- endmacro %}

{#
    A number for every raw row, in the order of file and place, without sorting the rows: `files` numbers the files.
    It identifies a document within a build; only between documents that are alike does its order decide.
#}
{% macro document_files(rows) -%}
    select source_file, row_number() over (order by source_file) as file_number
    from (select distinct source_file from {{ rows }}) as distinct_files
{%- endmacro %}

{% macro document_id() -%} files.file_number * 4294967296 + source_row {%- endmacro %}
