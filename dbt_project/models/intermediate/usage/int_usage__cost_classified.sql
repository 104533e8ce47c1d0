-- Cost of every party and meter with its invoice and selection: usage, rounding (of usage lines) or out_of_scope (rule 5).
with parties as (

    select * from {{ ref('int_usage__parties') }}
    where side = 'cost'

),

meters as (

    select
        lines.*,
        parties.invoice_number,
        parties.decided_invoice_number
    from {{ ref('int_usage__cost_meters') }} as lines
    inner join parties
        on
            lines.billing_month = parties.billing_month
            and lines.comparison = parties.comparison
            and lines.own_invoice_number is not distinct from parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id

),

used as (

    select distinct billing_month, comparison, invoice_number, azure_subscription_id, currency, meter_id
    from meters
    where scope = 'usage'

),

selected as (

    select
        meters.*,
        case
            when meters.scope = 'usage' then 'usage'
            when meters.scope = 'rounding' and used.comparison is not null then 'rounding'
            else 'out_of_scope'
        end as selection
    from meters
    left join used
        on
            meters.billing_month = used.billing_month
            and meters.comparison = used.comparison
            and meters.invoice_number = used.invoice_number
            and meters.azure_subscription_id is not distinct from used.azure_subscription_id
            and meters.currency = used.currency
            and meters.meter_id is not distinct from used.meter_id

),

-- What is out of scope keeps the invoice that was decided for it: a customer's unassigned usage does not move it.
final as (

    select
        billing_month,
        comparison,
        export_id,
        own_invoice_number,
        customer_id,
        case when selection = 'out_of_scope' then decided_invoice_number else invoice_number end as invoice_number,
        azure_subscription_id,
        currency,
        meter_id,
        selection,
        charge_type,
        publisher_type,
        price_basis,
        quantity,
        amount,
        line_count,
        meter_name,
        meter_category,
        meter_subcategory,
        meter_region
    from selected

)

select * from final
