-- Cost by its spellings, with its invoice and selection: usage, rounding (of usage lines) or out_of_scope (rule 5).
with parties as (

    select * from {{ ref('int_usage__parties') }}
    where side = 'cost'

),

meters as (

    select
        lines.*,
        parties.invoice_number,
        parties.decided_invoice_number
    from {{ ref('int_usage__cost_spellings') }} as lines
    inner join parties
        on
            lines.billing_month = parties.billing_month
            and lines.comparison = parties.comparison
            and lines.own_invoice_number is not distinct from parties.own_invoice_number
            and lines.customer_id is not distinct from parties.customer_id
            and lines.azure_subscription_id is not distinct from parties.azure_subscription_id

),

-- Adjustments of which the cost side has usage lines too. They are few, so it is they that the lines are held against.
adjusted as (

    select distinct
        adjustments.billing_month, adjustments.comparison, adjustments.invoice_number, adjustments.azure_subscription_id,
        adjustments.currency, adjustments.meter_id
    from meters as used
    inner join meters as adjustments
        on
            used.billing_month = adjustments.billing_month
            and used.comparison = adjustments.comparison
            and used.invoice_number = adjustments.invoice_number
            and used.azure_subscription_id is not distinct from adjustments.azure_subscription_id
            and used.currency = adjustments.currency
            and used.meter_id is not distinct from adjustments.meter_id
    where used.scope = 'usage' and adjustments.scope = 'rounding'

),

selected as (

    select *, case when scope = 'usage' then 'usage' else 'out_of_scope' end as selection
    from meters
    where scope <> 'rounding'
    union all
    select meters.*, case when adjusted.comparison is not null then 'rounding' else 'out_of_scope' end
    from meters
    left join adjusted
        on
            meters.billing_month = adjusted.billing_month
            and meters.comparison = adjusted.comparison
            and meters.invoice_number = adjusted.invoice_number
            and meters.azure_subscription_id is not distinct from adjusted.azure_subscription_id
            and meters.currency = adjusted.currency
            and meters.meter_id is not distinct from adjusted.meter_id
    where meters.scope = 'rounding'

),

-- What is out of scope keeps the invoice that was decided for it: a customer's unassigned usage does not move it.
final as (

    select
        spelling_id,
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
        {{ stated('meter_name') }} as meter_name,
        {{ stated('meter_category') }} as meter_category,
        {{ stated('meter_sub_category') }} as meter_subcategory,
        {{ stated('meter_region') }} as meter_region
    from selected

)

select * from final
