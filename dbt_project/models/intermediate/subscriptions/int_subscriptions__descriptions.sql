with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

verdicts as (

    select * from {{ ref('int_subscriptions__verdicts') }}

),

-- Most sides have one item, which describes them: only those of several are ranked.
several as (

    select
        billing_month,
        ms_subscription_id,
        'bss' as side
    from verdicts
    where bss_item_count > 1
    union all
    select
        billing_month,
        ms_subscription_id,
        'ms' as side
    from verdicts
    where ms_item_count > 1

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

    select * from ranked
    where item_rank = 1
    union all
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

),

bss as (

    select * from describing
    where side = 'bss'

),

ms as (

    select * from describing
    where side = 'ms'

),

-- The platform's item comes before Microsoft's, which alone knows the partner.
final as (

    select
        billing_month,
        ms_subscription_id,
        ms.csp_partner,
        ms.customer_name,
        bss.customer_name as account_name,
        ms.product_type as offer_type,
        case when bss.billing_month is not null then bss.product_type else ms.product_type end as product_type,
        case when bss.billing_month is not null then bss.product else ms.product end as product,
        ms.publisher_name,
        bss.account_id,
        bss.billing_account_id
    from bss
    full outer join ms using (billing_month, ms_subscription_id)

)

select * from final
