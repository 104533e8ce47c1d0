-- The invoice under which the rows of a party are compared, per side and comparison. Keys that are null are equal.
with unassigned as (

    select * from {{ ref('int_usage__unassigned_customers') }}

),

usage_parties as (

    select distinct
        comparisons.billing_month,
        comparisons.comparison,
        lines.invoice_number as own_invoice_number,
        lines.customer_id,
        lines.azure_subscription_id
    from {{ ref('int_usage__usage_spellings') }} as lines
    inner join {{ ref('int_usage__comparisons') }} as comparisons on lines.billing_month = comparisons.billing_month

),

parties as (

    select
        'usage' as side,
        billing_month,
        comparison,
        own_invoice_number,
        customer_id,
        azure_subscription_id,
        customer_id as deciding_customer_id,
        own_invoice_number as decided_invoice_number
    from usage_parties
    union all
    select
        'cost',
        billing_month,
        comparison,
        own_invoice_number,
        customer_id,
        azure_subscription_id,
        deciding_customer_id,
        decided_invoice_number
    from {{ ref('int_usage__cost_invoices') }}

),

final as (

    select
        parties.side,
        parties.billing_month,
        parties.comparison,
        parties.own_invoice_number,
        parties.customer_id,
        parties.azure_subscription_id,
        parties.decided_invoice_number,
        case when unassigned.customer_id is not null then 'unassigned' else parties.decided_invoice_number end
            as invoice_number
    from parties
    left join unassigned
        on
            parties.billing_month = unassigned.billing_month
            and parties.comparison = unassigned.comparison
            and parties.deciding_customer_id = unassigned.customer_id

)

select * from final
