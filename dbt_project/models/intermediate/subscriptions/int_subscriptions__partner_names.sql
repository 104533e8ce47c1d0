{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- The name that Microsoft's newest file gives a partner, of several the first in order.
with lines as (

    select
        csp_partner,
        partner_name,
        source_month
    from {{ ref('stg_partner_center__nce_lines') }}
    where csp_partner is not null and partner_name is not null
    union all
    select
        csp_partner,
        partner_name,
        source_month
    from {{ ref('stg_partner_center__legacy_lines') }}
    where csp_partner is not null and partner_name is not null

),

newest as (

    select
        csp_partner,
        max(source_month) as source_month
    from lines
    group by csp_partner

),

final as (

    select
        lines.csp_partner,
        min(lines.partner_name) as partner_name
    from lines
    inner join newest on lines.csp_partner = newest.csp_partner and lines.source_month = newest.source_month
    group by lines.csp_partner

)

select * from final
