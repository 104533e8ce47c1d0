with lines as (

    select * from {{ source('raw', 'bss_invoices') }}

),

final as (

    select
        -- ids
        invoice_id,
        invoice_ordinal,
        case
            when invoice_id is not null then 'id:' || invoice_id
            when invoice_ordinal is not null then 'ordinal:' || source_file || ':' || cast(invoice_ordinal as string)
            when invoice_code is not null then 'code:' || invoice_code
            else 'line:' || source_file || ':' || cast(source_row as string)
        end as invoice_key,
        invoice_code,
        account_id,
        billing_account_id,
        bss_subscription_id,
        {{ subscription_id('ms_subscription_id') }} as ms_subscription_id,
        source_file,
        source_row,

        -- text
        invoice_type,
        invoice_stage,
        account_name,
        product_type,
        product,
        upper(currency) as currency,
        coalesce(lower(invoice_type) like 'credit%', false) as is_credit,
        coalesce(
            lower(invoice_stage) in ('{{ var("canceled_stages") | join("', '") }}'), false
        ) as is_canceled,
        -- Every CSV line is analytical; a JSON line that names two or more subscriptions sums others up (5.5).
        coalesce(subscription_count >= 2, false) as is_summary,

        -- numerics
        quantity,
        unit_cost,
        coalesce(total_cost, {{ exact_product('quantity', 'unit_cost') }}) as total_cost,
        unit_price,
        discount_percent,
        final_amount,

        -- dates
        billing_month as source_month,
        invoice_date,
        invoice_due_date,
        created_at,
        updated_at,
        start_date,
        end_date
    from lines

)

select * from final
