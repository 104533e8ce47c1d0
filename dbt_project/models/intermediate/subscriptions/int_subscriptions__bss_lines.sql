{{ config(materialized='view') }}
with lines as (

    select * from {{ ref('stg_bss__invoice_lines') }}

),

copies as (

    select * from {{ ref('stg_bss__invoice_copies') }}

),

scoped as (

    select
        lines.*,
        case
            when not coalesce(copies.is_newest, true) then 'superseded'
            when lines.is_canceled then 'canceled'
            when lines.is_summary then 'summary'
            else 'in_scope'
        end as scope
    from lines
    left join copies
        on
            lines.invoice_id = copies.invoice_id
            and lines.source_file = copies.source_file
            and lines.invoice_ordinal = copies.invoice_ordinal

),

credits as (

    select distinct invoice_key from scoped
    where is_credit

),

invoices as (

    select
        scoped.invoice_key,
        sum(scoped.total_cost) as invoice_cost
    from scoped
    inner join credits on scoped.invoice_key = credits.invoice_key
    where scoped.scope in ('in_scope', 'summary')
    group by scoped.invoice_key

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
