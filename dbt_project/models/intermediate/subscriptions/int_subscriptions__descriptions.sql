with items as (

    select * from {{ ref('int_subscriptions__items') }}

),

verdicts as (

    select * from {{ ref('int_subscriptions__verdicts') }}

),

-- Most sides have one item, which describes them: only those of several are ranked.
several as (

    select billing_month, ms_subscription_id, 'bss' as side from verdicts
    where bss_item_count > 1
    union all
    select billing_month, ms_subscription_id, 'ms' as side from verdicts
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

{% for side in ['bss', 'ms'] -%}
{{ side }} as (

    {% set columns -%}
        billing_month, ms_subscription_id, product_type, product, customer_name, account_id, billing_account_id, csp_partner, publisher_name
    {%- endset -%}
    select {{ columns }} from ranked
    where item_rank = 1 and side = '{{ side }}'
    union all
    select {{ columns }} from items
    where
        side = '{{ side }}' and not exists (
            select 1 from several
            where
                several.billing_month = items.billing_month
                and several.ms_subscription_id = items.ms_subscription_id
                and several.side = items.side
        )

),

{% endfor -%}
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
