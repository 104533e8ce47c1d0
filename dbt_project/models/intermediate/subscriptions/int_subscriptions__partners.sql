{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Partner, customer and offer of a subscription that Microsoft does not charge in the month: those of its line in the
-- nearest landed month, of two as near the earlier, there the largest; else the only partner of all files.
with wanted as (

    select
        billing_month,
        ms_subscription_id
    from {{ ref('int_subscriptions__descriptions') }}
    where csp_partner is null

),

lines as (

    select * from {{ ref('int_subscriptions__lines') }}
    where side = 'ms' and csp_partner is not null

),

only_partner as (

    select case when count(distinct csp_partner) = 1 then max(csp_partner) end as csp_partner
    from lines

),

ranked as (

    select
        wanted.billing_month,
        wanted.ms_subscription_id,
        lines.csp_partner,
        lines.customer_name,
        lines.product_type,
        row_number() over (
            partition by wanted.billing_month, wanted.ms_subscription_id
            order by
                abs({{ month_number('wanted.billing_month') }} - {{ month_number('lines.source_month') }}),
                lines.source_month,
                abs(lines.cost) desc, lines.document_code asc nulls last, lines.source_file, lines.source_row
        ) as line_rank
    from wanted
    inner join lines on wanted.ms_subscription_id = lines.ms_subscription_id
    where wanted.ms_subscription_id <> 'unassigned'

),

final as (

    select
        wanted.billing_month,
        wanted.ms_subscription_id,
        coalesce(ranked.csp_partner, only_partner.csp_partner) as csp_partner,
        ranked.customer_name,
        ranked.product_type as offer_type
    from wanted
    cross join only_partner
    left join ranked
        on
            wanted.billing_month = ranked.billing_month
            and wanted.ms_subscription_id = ranked.ms_subscription_id
            and ranked.line_rank = 1

)

select * from final
