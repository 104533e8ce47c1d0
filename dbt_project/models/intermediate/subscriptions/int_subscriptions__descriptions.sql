{%- set columns -%}
items.billing_month,
        items.ms_subscription_id,
        items.csp_partner,
        items.customer_name,
        items.product_type,
        items.product,
        items.publisher_name,
        items.account_id,
        items.billing_account_id
{%- endset -%}
with verdicts as (

    select * from {{ ref('int_subscriptions__verdicts') }}

),

{# Items are named for each use and side instead of being a CTE, of which DuckDB would keep all rows in memory. #}
{%- for side in ('bss', 'ms') %}
    -- Most sides have one item, which describes them: only those of several are ranked.
    several_{{ side }} as (

        select
            billing_month,
            ms_subscription_id
        from verdicts
        where {{ side }}_item_count > 1

    ),

    -- The item that describes a side: the largest by amount (5.15).
    ranked_{{ side }} as (

        select
            {{ columns }},
            row_number() over (
                partition by items.billing_month, items.ms_subscription_id
                order by
                    abs(items.period_cost) desc, items.document_code asc nulls last, items.source_file asc,
                    items.source_row asc
            ) as item_rank
        from {{ ref('int_subscriptions__items') }} as items
        inner join several_{{ side }} as several
            on items.billing_month = several.billing_month and items.ms_subscription_id = several.ms_subscription_id
        where items.side = '{{ side }}'

    ),

    {{ side }} as (

        select
            {{ columns }}
        from ranked_{{ side }} as items
        where items.item_rank = 1
        union all
        select
            {{ columns }}
        from {{ ref('int_subscriptions__items') }} as items
        left join several_{{ side }} as several
            on items.billing_month = several.billing_month and items.ms_subscription_id = several.ms_subscription_id
        where items.side = '{{ side }}' and several.billing_month is null

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
