with lines as (

    select * from {{ ref('int_usage__cost_classified') }}
    where selection = 'out_of_scope'

),

final as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        charge_type,
        publisher_type,
        {{ usage_key(['charge_type', 'publisher_type'], 'usage_out_of_scope') }} as reconciliation_key,
        max(price_basis) as price_basis,
        cast(sum(amount) as decimal(38, 12)) as cost_amount,
        cast(sum(line_count) as bigint) as cost_line_count,
        {{ publication_columns() }}
    from lines
    group by billing_month, comparison, invoice_number, azure_subscription_id, currency, charge_type, publisher_type

)

select * from final
