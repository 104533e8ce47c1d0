{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
{#- 13 rows per pair: a view, so that a build does not store what the publication writes anyway. -#}
{% set fields = compared_fields() -%}
{% set no_amount = 'cast(null as decimal(18, 2))' -%}
{% set names, kinds, values, equal, no_difference = [], [], {'register': [], 'einvoice': []}, [], [] -%}
{% for field in fields -%}
{% do names.append("'" ~ field.name ~ "'") -%}
{% do kinds.append("'" ~ field.kind ~ "'") -%}
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
    where pass is not null

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
