{{ config(materialized='view') }}
{#- Fields in their order; what differs is counted in the latest month of a group over several (rule 29). -#}
{% set fields = compared_fields() -%}
-- One row per pair that is not settled (of those nothing differs), by its register document: the verdict of each field.
with rows_in as (

    select rows_all.*
    from {{ ref('int_einvoices__rows') }} as rows_all
    inner join {{ ref('int_einvoices__periods') }} as periods on rows_all.billing_month = periods.billing_month
    where rows_all.pass is not null

)

{% for is_group in [false, true] -%}
{% set is_counted = 'coalesce(shares.is_latest, true)' if is_group else 'true' -%}
{% set verdicts = {'equal': [], 'difference': [], 'myr': []} -%}
{% for field in fields -%}
{% if field.kind == 'identifier' -%}
{% do verdicts.equal.append('not ' ~ identifier_differs(field.name, is_group)) -%}
{% do verdicts.difference.append('cast(null as decimal(18, 2))') -%}
{% do verdicts.myr.append('cast(null as decimal(18, 2))') -%}
{% else -%}
{% do verdicts.equal.append('not (' ~ is_counted ~ ' and ' ~ amount_differs(field.name) ~ ')') -%}
{% do verdicts.difference.append(
    'cast(case when ' ~ same_currency() ~ ' then case when ' ~ is_counted ~ ' then r.' ~ field.name ~ ' - e.' ~ field.name
    ~ ' else 0 end end as decimal(18, 2))'
) -%}
{% do verdicts.myr.append(
    'cast(case when ' ~ is_counted ~ ' then ' ~ difference_myr(field.name) ~ ' else 0 end as decimal(18, 2))'
) -%}
{% endif -%}
{% endfor -%}
select
    rows_in.register_id,
    {{ list_of(verdicts.equal) }} as are_equal,
    {{ list_of(verdicts.difference) }} as differences,
    {{ list_of(verdicts.myr) }} as differences_myr,
    {{ 'gaps.numbers_without_row' if is_group else 'cast(null as string)' }} as numbers_without_row
from rows_in
{% if is_group -%}
inner join {{ ref('int_einvoices__groups') }} as r on rows_in.einvoice_id = r.einvoice_id
left join {{ ref('int_einvoices__group_shares') }} as shares
    on rows_in.einvoice_id = shares.einvoice_id and rows_in.billing_month = shares.billing_month
left join {{ ref('int_einvoices__line_gaps') }} as gaps on rows_in.einvoice_id = gaps.einvoice_id
{% else -%}
inner join {{ ref('int_einvoices__unsettled_registers') }} as r on rows_in.register_id = r.register_id
{% endif -%}
inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on rows_in.einvoice_id = e.einvoice_id
where rows_in.pass {{ '' if is_group else 'not ' }}in ('consolidated', 'consolidated_lines')
{% if not loop.last %}union all{% endif %}
{% endfor %}
