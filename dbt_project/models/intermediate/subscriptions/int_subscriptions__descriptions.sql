with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

-- Most sides have one item, which describes them: only those of several are ranked.
several as (

    select
        billing_month,
        ms_subscription_id,
        side
    from items
    group by billing_month, ms_subscription_id, side
    having count(*) > 1

),

-- The item that describes a side: the largest by amount (5.15).
ranked as (

    select
        items.*,
        row_number() over (
            partition by items.billing_month, items.ms_subscription_id, items.side
            order by
                abs(items.period_cost) desc, items.document_code asc nulls last, items.source_file asc,
                items.source_row asc
        ) as item_rank
    from items
    inner join several
        on
            items.billing_month = several.billing_month
            and items.ms_subscription_id = several.ms_subscription_id
            and items.side = several.side

),

describing as (

    select
        items.*,
        1 as item_rank
    from items
    left join several
        on
            items.billing_month = several.billing_month
            and items.ms_subscription_id = several.ms_subscription_id
            and items.side = several.side
    where several.side is null
    union all
    select * from ranked
    where item_rank = 1

),

-- The platform's item comes before Microsoft's, which alone knows the partner.
final as (

    select
        billing_month,
        ms_subscription_id,
        max(case when side = 'ms' then csp_partner end) as csp_partner,
        max(case when side = 'ms' then customer_name end) as customer_name,
        max(case when side = 'bss' then customer_name end) as account_name,
        max(case when side = 'ms' then type end) as offer_type,
        case
            when max(side_rank) = 2 then max(case when side = 'bss' then product_type end)
            else max(case when side = 'ms' then product_type end)
        end as product_type,
        case
            when max(side_rank) = 2 then max(case when side = 'bss' then product end)
            else max(case when side = 'ms' then product end)
        end as product,
        max(case when side = 'ms' then publisher_name end) as publisher_name,
        max(account_id) as account_id,
        max(billing_account_id) as billing_account_id
    from (
        select
            *,
            case side when 'bss' then 2 else 1 end as side_rank
        from describing
    ) as first_items
    group by billing_month, ms_subscription_id

)

select * from final
