{{ config(materialized='view') }}
{%- set scope -%}
case
            when not coalesce(copies.is_newest, true) then 'superseded'
            when lines.is_canceled then 'canceled'
            when lines.is_summary then 'summary'
            else 'in_scope'
        end
{%- endset -%}
{#- Lines are named three times instead of being one CTE: DuckDB would keep all columns of it in memory. -#}
with copies as (

    select * from {{ ref('stg_bss__invoice_copies') }}

),

scoped as (

    select
        lines.*,
        {{ scope }} as scope
    from {{ ref('stg_bss__invoice_lines') }} as lines
    left join copies
        on
            lines.invoice_id = copies.invoice_id
            and lines.source_file = copies.source_file
            and lines.invoice_ordinal = copies.invoice_ordinal

),

credits as (

    select distinct invoice_key from {{ ref('stg_bss__invoice_lines') }}
    where is_credit

),

invoices as (

    select
        lines.invoice_key,
        sum(lines.total_cost) as invoice_cost
    from {{ ref('stg_bss__invoice_lines') }} as lines
    inner join credits on lines.invoice_key = credits.invoice_key
    left join copies
        on
            lines.invoice_id = copies.invoice_id
            and lines.source_file = copies.source_file
            and lines.invoice_ordinal = copies.invoice_ordinal
    where {{ scope }} in ('in_scope', 'summary')
    group by lines.invoice_key

),

-- Platforms export credits as positives: of a credit that sums to a positive amount every line changes sign (5.11).
final as (

    select
        scoped.*,
        case when scoped.is_credit and invoices.invoice_cost > 0 then -1 else 1 end as cost_sign
    from scoped
    left join invoices on scoped.invoice_key = invoices.invoice_key

)

select * from final
