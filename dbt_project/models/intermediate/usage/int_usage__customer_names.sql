-- The customer that owns a subscription as its bill names it, else as the exports do, of several names the first in order.
with names as (

    select
        billing_month,
        azure_subscription_id,
        {{ stated('customer_name') }} as billed_name,
        cast(null as string) as exported_name
    from {{ ref('int_usage__usage_spellings') }}
    union all
    select
        billing_month,
        azure_subscription_id,
        cast(null as string),
        {{ stated('customer_name') }}
    from {{ ref('int_usage__cost_spellings') }}

),

final as (

    select
        billing_month,
        azure_subscription_id,
        coalesce(min(billed_name), min(exported_name)) as customer_name
    from names
    where azure_subscription_id is not null
    group by billing_month, azure_subscription_id

)

select * from final
