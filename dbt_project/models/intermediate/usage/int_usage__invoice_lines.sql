{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Reconciliation lines of the month's invoices by product family (seeds/ms_product_types.csv). Azure usage is what its
-- product or its subscription says; a reservation is told by its order.
with lines as (

    select
        billing_month,
        coalesce({{ trimmed('invoice_number') }}, '') as invoice_number,
        upper(currency) as currency,
        lower(coalesce({{ trimmed('product_name') }}, '')) as product,
        lower(coalesce({{ trimmed('publisher_name') }}, '')) as publisher,
        reservation_order_id is not null as is_reservation,
        coalesce(lower({{ trimmed('subscription_description') }}) like 'azure plan%', false) as is_of_azure_plan,
        subtotal,
        tax_total
    from {{ source('raw', 'ms_recon_nce') }}
    where {{ in_target_months() }}

),

products as (

    select distinct
        product,
        publisher
    from lines

),

kinds as (

    select * from {{ ref('ms_product_types') }}

),

ranked as (

    select
        products.product,
        products.publisher,
        kinds.product_family,
        row_number() over (
            partition by products.product, products.publisher
            order by kinds.position asc nulls last
        ) as kind_rank
    from products
    left join kinds on products.product like kinds.product and products.publisher like kinds.publisher

),

familied as (

    select
        lines.billing_month,
        lines.invoice_number,
        lines.currency,
        lines.subtotal,
        lines.tax_total,
        case
            when lines.is_reservation then 'reservations'
            when ranked.product_family in ('reservations', 'savings_plans') then ranked.product_family
            when lines.is_of_azure_plan then 'azure_usage'
            when ranked.product_family is not null then ranked.product_family
            when lines.publisher <> '' and lines.publisher not like 'microsoft%' then 'marketplace'
            else 'seats'
        end as product_family
    from lines
    inner join ranked
        on lines.product = ranked.product and lines.publisher = ranked.publisher and ranked.kind_rank = 1

),

final as (

    select
        billing_month,
        invoice_number,
        currency,
        product_family,
        count(*) as line_count,
        count(tax_total) as taxed_line_count,
        cast(sum(subtotal) as decimal(38, 12)) as subtotal,
        cast(sum(coalesce(tax_total, 0)) as decimal(38, 12)) as tax
    from familied
    group by billing_month, invoice_number, currency, product_family

)

select * from final
