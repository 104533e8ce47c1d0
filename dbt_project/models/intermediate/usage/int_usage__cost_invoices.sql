-- The invoice of cost lines: their own, else decided per customer, else unassigned (rule 3). One row per month,
-- comparison, own invoice, customer and subscription that occur together.
with parties as (

    select
        billing_month,
        comparison,
        own_invoice_number,
        customer_id,
        azure_subscription_id,
        sum(case when scope = 'usage' then line_count else 0 end) as in_scope_count
    from {{ ref('int_usage__cost_spellings') }}
    group by billing_month, comparison, own_invoice_number, customer_id, azure_subscription_id

),

usage_parties as (

    select distinct billing_month, invoice_number, customer_id, azure_subscription_id
    from {{ ref('int_usage__usage_spellings') }}

),

subscription_customers as (

    select billing_month, azure_subscription_id, min(customer_id) as customer_id
    from usage_parties
    where azure_subscription_id is not null
    group by billing_month, azure_subscription_id
    having count(distinct customer_id) = 1

),

customer_invoices as (

    select billing_month, customer_id, min(invoice_number) as invoice_number
    from usage_parties
    where customer_id is not null
    group by billing_month, customer_id
    having count(distinct invoice_number) = 1

),

month_invoices as (

    select billing_month, min(invoice_number) as invoice_number
    from usage_parties
    group by billing_month
    having count(distinct invoice_number) = 1

),

known as (

    select
        parties.*,
        coalesce(parties.customer_id, subscription_customers.customer_id) as deciding_customer_id
    from parties
    left join subscription_customers
        on
            parties.billing_month = subscription_customers.billing_month
            and parties.azure_subscription_id = subscription_customers.azure_subscription_id

),

final as (

    select
        known.*,
        case
            when known.own_invoice_number is not null then known.own_invoice_number
            when known.deciding_customer_id is not null then coalesce(customer_invoices.invoice_number, 'unassigned')
            else coalesce(month_invoices.invoice_number, 'unassigned')
        end as decided_invoice_number,
        known.own_invoice_number is null
        and known.deciding_customer_id is not null
        and customer_invoices.invoice_number is null
        and known.in_scope_count > 0 as is_spreading
    from known
    left join customer_invoices
        on
            known.billing_month = customer_invoices.billing_month
            and known.deciding_customer_id = customer_invoices.customer_id
    left join month_invoices on known.billing_month = month_invoices.billing_month

)

select * from final
