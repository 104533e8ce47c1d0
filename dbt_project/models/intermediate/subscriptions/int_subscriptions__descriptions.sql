with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

-- The item that describes a side: the largest by amount (5.15).
ranked as (

    select
        *,
        row_number() over (
            partition by billing_month, ms_subscription_id, side
            order by abs(period_cost) desc, document_code asc nulls last, source_file asc, source_row asc
        ) as item_rank
    from items

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
        from ranked
        where item_rank = 1
    ) as first_items
    group by billing_month, ms_subscription_id

)

select * from final
