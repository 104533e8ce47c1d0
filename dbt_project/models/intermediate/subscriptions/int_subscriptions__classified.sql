{#- Texts of few values: numbers of an enumeration, so that lines are narrow where they are written, read and sorted. -#}
{%- set texts = [
    'source_file', 'currency', 'product_type', 'product', 'invoice_type', 'invoice_stage', 'csp_partner', 'publisher_name',
    'charge_type',
] -%}
{{ config(
    pre_hook="{{ enumerations_of([ref('stg_bss__invoice_lines'), ref('stg_partner_center__nce_lines'), "
        ~ "ref('stg_partner_center__legacy_lines')], " ~ texts ~ ") }}"
) }}
{#- Lines longer than one month are their own evidence: the window's lower bound does not hold for them (5.3). -#}
{%- set long_exempt = 'true' if var('selection_method') == 'overlap' else 'false' -%}
with periods as (

    select * from {{ ref('int_subscriptions__periods') }}

),

lines as (

    select * from {{ ref('int_subscriptions__lines') }}

),

met as (

    select
        periods.billing_month,
        periods.period_start,
        periods.period_end,
        lines.*,
        {% if var('selection_method') == 'touch' -%}
        coalesce(
            lines.item_start between periods.period_start and periods.period_end
            or lines.item_end between periods.period_start and periods.period_end,
            false
        )
        {%- else -%}
            coalesce(lines.item_start <= periods.period_end and lines.item_end >= periods.period_start, false)
        {%- endif %} as meets_period,
        case
            when lines.side = 'bss' and not lines.is_dated
                then lines.invoice_date between periods.period_start and periods.period_end
            when lines.side = 'bss'
                then
                    lines.invoice_date <= periods.bss_window_end
                    and (
                        lines.invoice_date >= periods.bss_window_start
                        or ({{ long_exempt }} and lines.is_longer_than_month)
                    )
            when not lines.is_dated then lines.source_month = periods.period_start
            else
                lines.source_month <= periods.ms_window_end
                and (
                    lines.source_month >= periods.ms_window_start
                    or ({{ long_exempt }} and lines.is_longer_than_month)
                )
        end as is_in_window,
        case lines.side
            when 'bss' then lines.source_month between periods.bss_window_start and periods.bss_window_end
            else lines.source_month between periods.ms_window_start and periods.ms_window_end
        end as is_window_month
    from periods
    cross join lines

),

-- In reach: the lines of the window's months, and those of other months that their own dates bring in.
classified as (

    select
        *,
        case
            when scope <> 'in_scope' then scope
            when is_in_window and (meets_period or not is_dated) then 'selected'
            else 'out_of_selection'
        end as selection
    from met
    where is_window_month or (is_in_window and (meets_period or not is_dated))

),

covered as (

    select
        *,
        case when is_dated and selection = 'selected' then {{ coverage_numerator('item_start', 'item_end', 'period_start', 'period_end') }} end
            as numerator,
        case when is_dated and selection = 'selected' then {{ coverage_denominator('item_start', 'item_end') }} end as denominator
    from classified

),

-- Every line is written once, so that it holds only what does not follow from other columns.
final as (

    select
        billing_month,
        {{ one_of('side', ['bss', 'ms']) }} as side,
        {{ one_of('source', ['bss_invoices', 'ms_recon_legacy', 'ms_recon_nce']) }} as source,
        source_month,
        {{ enumerated('source_file') }} as source_file,
        source_row,
        is_window_month,
        {{ one_of('selection', ['selected', 'out_of_selection', 'superseded', 'canceled', 'summary']) }} as selection,
        ms_subscription_id,
        {{ enumerated('currency') }} as currency,
        item_start,
        item_end,
        invoice_date,
        document_code,
        is_credit,
        cost_sign,
        cost,
        compared_unit_cost,
        compared_quantity,
        quantity,
        tax,
        total,
        unit_price,
        discount_percent,
        final_amount,
        {{ enumerated('product_type') }} as product_type,
        {{ enumerated('product') }} as product,
        account_id,
        billing_account_id,
        bss_subscription_id,
        {{ enumerated('invoice_type') }} as invoice_type,
        {{ enumerated('invoice_stage') }} as invoice_stage,
        invoice_due_date,
        {{ enumerated('csp_partner') }} as csp_partner,
        customer_name,
        {{ enumerated('publisher_name') }} as publisher_name,
        {{ enumerated('charge_type') }} as charge_type,
        subscription_start_date,
        subscription_end_date,
        numerator,
        denominator,
        case
            when selection = 'selected'
                then {{ exact_ratio('cost_sign * cost', 'coalesce(numerator, 1)', 'coalesce(denominator, 1)') }}
        end as period_cost
    from covered

)

select * from final
