with grid as (

    select * from {{ ref('int_usage__explained') }}

),

summed as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        max(price_basis) as price_basis,
        cast(sum(usage_quantity) as decimal(38, 12)) as usage_quantity,
        cast(sum(cost_quantity) as decimal(38, 12)) as cost_quantity,
        cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
        cast(sum(cost_amount) as decimal(38, 12)) as cost_amount,
        cast(sum(rounding_adjustment_amount) as decimal(38, 12)) as rounding_adjustment_amount,
        cast(sum(usage_line_count) as bigint) as usage_line_count,
        cast(sum(cost_line_count) as bigint) as cost_line_count,
        max(minor_unit) as minor_unit,
        count(case when status = 'not_comparable' then 1 end) as not_comparable_count,
        count(case when status <> 'matched' then 1 end) as differing_count
    from grid
    group by billing_month, comparison, invoice_number, azure_subscription_id, currency

),

rejected as (

    select distinct
        summed.billing_month,
        summed.comparison,
        summed.invoice_number,
        summed.azure_subscription_id
    from summed
    inner join {{ ref('int_usage__rejected') }} as records on {{ concerned_by('records', 'summed') }}

),

judged as (

    select
        summed.*,
        rejected.billing_month is not null as has_rejected_records,
        {{ usage_tolerance('minor_unit', 'usage_line_count') }} as tolerance,
        case
            when not_comparable_count > 0 then 'not_comparable'
            when differing_count = 0 then 'matched'
            when cost_line_count = 0 then 'missing_in_cost'
            when usage_line_count = 0 then 'missing_in_usage'
            else 'mismatched'
        end as status
    from summed
    left join rejected
        on
            summed.billing_month = rejected.billing_month
            and summed.comparison = rejected.comparison
            and summed.invoice_number = rejected.invoice_number
            and summed.azure_subscription_id is not distinct from rejected.azure_subscription_id

),

named as (

    select
        judged.*,
        names.customer_name
    from judged
    left join {{ ref('int_usage__customer_names') }} as names
        on
            judged.billing_month = names.billing_month
            and judged.azure_subscription_id = names.azure_subscription_id

),

final as (

    select
        billing_month,
        comparison,
        invoice_number,
        azure_subscription_id,
        currency,
        customer_name,
        {{ usage_key([], 'usage_summary') }} as reconciliation_key,
        price_basis,
        usage_quantity,
        cost_quantity,
        case when status <> 'not_comparable' then cost_quantity - usage_quantity end as quantity_variation,
        usage_amount,
        cost_amount,
        case when status <> 'not_comparable' then cost_amount - usage_amount end as amount_variation,
        case when status <> 'not_comparable' then {{ exact_percent('(cost_amount - usage_amount)', 'usage_amount') }} end
            as amount_variation_percent,
        rounding_adjustment_amount,
        usage_line_count,
        cost_line_count,
        tolerance,
        status,
        cast(null as string) as explanation,
        has_rejected_records,
        {{ publication_columns() }}
    from named

)

select * from final
