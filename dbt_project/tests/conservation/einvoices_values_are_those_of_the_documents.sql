-- The invoice value of the mart is that of the documents behind it, per month and side, to the cent.
with mart as (

    select
        billing_month,
        sum(coalesce(register_total_including_tax, 0)) as left_value,
        sum(coalesce(einvoice_total_including_tax, 0)) as right_value,
        -- A group in several currencies has no sum.
        max(case when pass is not null and register_currency_code is null then 1 else 0 end) as has_mixed_group
    from {{ ref('einvoice_reconciliation') }}
    group by billing_month

),

documents as (

    select
        billing_month,
        sum(case when side = 'left' then amount else 0 end) as left_value,
        sum(case when side = 'right' then amount else 0 end) as right_value
    from {{ ref('int_einvoices__accounted') }}
    where
        selection <> 'out_of_selection'
        and billing_month in (select billing_month from {{ ref('int_einvoices__periods') }})
    group by billing_month

)

select billing_month, mart.left_value, documents.left_value as documents_left_value
from mart
full outer join documents using (billing_month)
where
    (coalesce(mart.left_value, 0) <> coalesce(documents.left_value, 0) and coalesce(mart.has_mixed_group, 0) = 0)
    or coalesce(mart.right_value, 0) <> coalesce(documents.right_value, 0)
