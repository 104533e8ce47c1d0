{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- The first kind, by position, that fits a product's name and publisher (seeds/ms_product_types.csv).
with products as (

    select distinct
        product,
        publisher_name
    from {{ ref('int_subscriptions__descriptions') }}

),

kinds as (

    select * from {{ ref('ms_product_types') }}

),

ranked as (

    select
        products.product,
        products.publisher_name,
        kinds.ms_product_type,
        kinds.product_family,
        row_number() over (
            partition by products.product, products.publisher_name
            order by kinds.position asc nulls last
        ) as kind_rank
    from products
    left join kinds
        on
            lower({{ trimmed('products.product') }}) like kinds.product
            and lower(coalesce({{ trimmed('products.publisher_name') }}, '')) like kinds.publisher

),

-- What no kind fits is its own type: of another publisher from the marketplace, else seats.
final as (

    select
        product,
        publisher_name,
        coalesce(ms_product_type, product) as ms_product_type,
        coalesce(
            product_family,
            case when lower(publisher_name) not like 'microsoft%' then 'marketplace' end,
            'seats'
        ) as product_family
    from ranked
    where kind_rank = 1

)

select * from final
