-- From the Microsoft invoice to the cost export, step by step, as a statement that foots. spec/bridge.md, 1.
{% set key = 'billing_month, comparison, invoice_number, currency' -%}
with comparisons as (

    select billing_month, comparison from {{ ref('int_usage__comparisons') }}

),

units as (

    select * from {{ ref('currency_minor_units') }}

),

invoiced as (

    select comparisons.comparison, lines.*
    from {{ ref('int_usage__invoice_lines') }} as lines
    inner join comparisons on lines.billing_month = comparisons.billing_month

),

-- Invoices as their documents say them: whole, or as the sum of the lines of a file (FOCUS InvoiceDetail). One that is
-- still open is no invoice yet.
stated as (

    select
        billing_month,
        {{ trimmed('invoice_number') }} as invoice_number,
        upper(currency) as currency,
        source_file,
        case when line_id is null then source_row end as document_row,
        sum(total_charges) as total_charges,
        max(nullif(concat_ws(', ', {{ trimmed('document_type') }}, {{ trimmed('state') }}), '')) as described
    from {{ source('raw', 'ms_invoices') }}
    where line_id is null or lower(state) <> 'open'
    group by
        billing_month, {{ trimmed('invoice_number') }}, upper(currency), source_file, case when line_id is null then source_row end

),

-- Of copies of an invoice the one in the last file.
documents as (

    select
        stated.billing_month,
        comparisons.comparison,
        stated.invoice_number,
        stated.currency,
        stated.total_charges,
        stated.described,
        row_number() over (
            partition by stated.billing_month, comparisons.comparison, stated.invoice_number, stated.currency
            order by stated.source_file desc, stated.document_row desc
        ) as copy_rank
    from stated
    inner join comparisons on stated.billing_month = comparisons.billing_month

),

billed as (

    select
        lines.billing_month, comparisons.comparison, lines.invoice_number, lines.currency,
        cast(sum(lines.amount) as decimal(38, 12)) as amount, sum(lines.line_count) as line_count
    from {{ ref('int_usage__usage_spellings') }} as lines
    inner join comparisons on lines.billing_month = comparisons.billing_month
    group by lines.billing_month, comparisons.comparison, lines.invoice_number, lines.currency

),

grid as (

    select
        rows_in.*,
        {{ decided_step('rows_in') }} as decided_step
    from {{ ref('usage_cost_reconciliation') }} as rows_in

),

beside as (

    select * from {{ ref('usage_cost_out_of_scope') }}

),

exported as (

    select {{ key }}, cast(sum(amount) as decimal(38, 12)) as amount, sum(line_count) as line_count
    from {{ ref('int_usage__cost_classified') }}
    group by {{ key }}

),

bridges as (

    select {{ key }} from invoiced
    union
    select {{ key }} from documents
    union
    select {{ key }} from billed
    union
    select {{ key }} from grid
    union
    select {{ key }} from exported

),

-- Whether the month has reconciliation lines at all: without them the bridge begins at the daily usage.
landed as (

    select distinct billing_month from {{ source('raw', 'loads') }}
    where source = 'ms_recon_nce'

),

-- Each bridge with what it compares on the way from the invoice to the daily usage.
sides as (

    select
        bridges.billing_month,
        bridges.comparison,
        bridges.invoice_number,
        bridges.currency,
        landed.billing_month is not null as has_lines,
        coalesce(own.minor_unit, other.minor_unit) as minor_unit,
        coalesce(lines.subtotal, 0) as subtotal,
        coalesce(lines.tax, 0) as tax,
        coalesce(lines.line_count, 0) as line_count,
        coalesce(lines.taxed_line_count, 0) as taxed_line_count,
        coalesce(lines.azure_amount, 0) as azure_amount,
        coalesce(lines.azure_line_count, 0) as azure_line_count,
        coalesce(billed.amount, 0) as billed_amount,
        coalesce(billed.line_count, 0) as billed_line_count,
        documents.total_charges
    from bridges
    left join landed on bridges.billing_month = landed.billing_month
    left join
        (
            select
                {{ key }},
                sum(subtotal) as subtotal,
                sum(tax) as tax,
                sum(line_count) as line_count,
                sum(taxed_line_count) as taxed_line_count,
                sum(case when product_family = 'azure_usage' then subtotal else 0 end) as azure_amount,
                sum(case when product_family = 'azure_usage' then line_count else 0 end) as azure_line_count
            from invoiced
            group by {{ key }}
        ) as lines
        on
            bridges.billing_month = lines.billing_month and bridges.comparison = lines.comparison
            and bridges.invoice_number = lines.invoice_number and bridges.currency = lines.currency
    left join billed
        on
            bridges.billing_month = billed.billing_month and bridges.comparison = billed.comparison
            and bridges.invoice_number = billed.invoice_number and bridges.currency = billed.currency
    left join documents
        on
            bridges.billing_month = documents.billing_month and bridges.comparison = documents.comparison
            and bridges.invoice_number = documents.invoice_number and bridges.currency = documents.currency
            and documents.copy_rank = 1
    left join units as own on bridges.currency = own.currency
    left join units as other on other.currency = '*'

),

-- What the invoice's lines and the daily files disagree on is rounding while it is within a minor unit per Azure line.
judged as (

    select
        *,
        billed_amount - azure_amount as gap,
        abs(billed_amount - azure_amount) <= azure_line_count * minor_unit as is_rounding
    from sides

),

steps as (

    select {{ key }}, 10 as position, case when has_lines then 'total' else 'absent' end as row_kind, 'invoice_before_tax' as step,
        case when has_lines then subtotal end as amount, line_count
    from judged
    union all
    select {{ key }}, 11, 'beside', 'invoice_document', total_charges, 0
    from judged
    where total_charges is not null
    union all
    select {{ key }}, 12, 'beside', 'tax', tax, taxed_line_count
    from judged
    where total_charges is not null and has_lines and line_count = taxed_line_count
    union all
    select {{ key }}, 13, 'beside', 'invoice_residual', total_charges - subtotal - tax, 0
    from judged
    where total_charges is not null and has_lines and line_count = taxed_line_count
    union all
    select {{ key }}, 20, 'step', product_family, -subtotal, line_count
    from invoiced
    where product_family <> 'azure_usage'
    union all
    select {{ key }}, 30, 'total', 'azure_usage_invoiced', azure_amount, azure_line_count
    from judged
    where has_lines
    union all
    select {{ key }}, 40, 'step', 'invoice_rounding', case when is_rounding then gap else 0 end, 0
    from judged
    where has_lines
    union all
    select {{ key }}, 45, 'step', 'invoice_against_daily_usage', case when is_rounding then 0 else gap end, 0
    from judged
    where has_lines
    union all
    select {{ key }}, 50, 'total', 'billed_daily_usage', billed_amount, billed_line_count
    from judged
    union all
    select {{ key }}, 51, 'beside', 'lost_partner_credit', sum(lost_credit_amount), sum(usage_line_count)
    from grid
    where lost_credit_amount <> 0
    group by {{ key }}
    union all
    select {{ key }}, 52, 'beside', 'promotions', sum(promotion_amount), sum(usage_line_count)
    from grid
    where promotion_amount <> 0
    group by {{ key }}
    union all
    select {{ key }}, 55, 'step', 'unassigned', sum(amount), 0
    from (
        select {{ key }}, -amount as amount from billed
        union all
        select {{ key }}, usage_amount from grid
    ) as moved
    group by {{ key }}
    having sum(amount) <> 0
    union all
    select {{ key }}, 60, 'step', coalesce(decided_step, explanation, 'within_tolerance'), sum(cost_amount - usage_amount),
        sum(usage_line_count + cost_line_count)
    from grid
    where status <> 'not_comparable' or decided_step is not null
    group by {{ key }}, coalesce(decided_step, explanation, 'within_tolerance')
    union all
    select {{ key }}, 60, 'step', 'not_comparable_usage', -sum(usage_amount), sum(usage_line_count)
    from grid
    where status = 'not_comparable' and decided_step is null and usage_line_count > 0
    group by {{ key }}
    union all
    select {{ key }}, 60, 'step', 'not_comparable_cost', sum(cost_amount), sum(cost_line_count)
    from grid
    where status = 'not_comparable' and decided_step is null and cost_line_count > 0
    group by {{ key }}
    union all
    select judged.billing_month, judged.comparison, judged.invoice_number, judged.currency, 65, 'total', 'cost_export_in_scope',
        coalesce(sum(grid.cost_amount), 0), coalesce(sum(grid.cost_line_count), 0)
    from judged
    left join grid
        on
            judged.billing_month = grid.billing_month and judged.comparison = grid.comparison
            and judged.invoice_number = grid.invoice_number and judged.currency = grid.currency
    group by judged.billing_month, judged.comparison, judged.invoice_number, judged.currency
    union all
    select {{ key }}, 75, 'step', 'rounding_adjustments', sum(rounding_adjustment_amount), 0
    from grid
    group by {{ key }}
    having sum(rounding_adjustment_amount) <> 0
    union all
    select {{ key }}, 80, 'step', lower(charge_type), sum(cost_amount), sum(cost_line_count)
    from beside
    group by {{ key }}, lower(charge_type)
    union all
    select judged.billing_month, judged.comparison, judged.invoice_number, judged.currency, 90, 'total', 'cost_export',
        coalesce(exported.amount, 0), coalesce(exported.line_count, 0)
    from judged
    left join exported
        on
            judged.billing_month = exported.billing_month and judged.comparison = exported.comparison
            and judged.invoice_number = exported.invoice_number and judged.currency = exported.currency

),

final as (

    select
        steps.billing_month,
        steps.comparison,
        steps.invoice_number,
        steps.currency,
        cast(steps.position as integer) as position,
        steps.step,
        {{ sha256_hex("'invoice_bridge|' || " ~ month_text('steps.billing_month') ~ " || '|' || steps.comparison || '|' || steps.invoice_number || '|' || steps.currency || '|' || cast(steps.position as string) || '|' || steps.step") }}
            as reconciliation_key,
        steps.row_kind,
        cast(steps.amount as decimal(38, 12)) as amount,
        cast(steps.line_count as bigint) as line_count,
        case
            when steps.row_kind = 'absent' then 'no file of ms_recon_nce is loaded for the month'
            when steps.step = 'invoice_document' then documents.described
        end as note,
        {{ publication_columns() }}
    from steps
    left join documents
        on
            steps.billing_month = documents.billing_month and steps.comparison = documents.comparison
            and steps.invoice_number = documents.invoice_number and steps.currency = documents.currency
            and documents.copy_rank = 1

)

select * from final
