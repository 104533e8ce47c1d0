-- Every raw line of a month's window is classified once, and its amount arrives unchanged: raw against the last layer
-- before selection, per month, source and currency. A missing counterpart counts as 0, never as a match.
with periods as (

    select * from {{ ref('int_subscriptions__periods') }}

),

raw_lines as (

    select
        'bss_invoices' as source,
        billing_month as source_month,
        upper(currency) as currency,
        coalesce(total_cost, {{ exact_product('quantity', 'unit_cost') }}) as amount
    from {{ source('raw', 'bss_invoices') }}
    union all
    select
        'ms_recon_nce' as source,
        billing_month as source_month,
        upper(currency) as currency,
        subtotal as amount
    from {{ source('raw', 'ms_recon_nce') }}
    union all
    select
        'ms_recon_legacy' as source,
        billing_month as source_month,
        upper(currency) as currency,
        subtotal as amount
    from {{ source('raw', 'ms_recon_legacy') }}

),

raw_totals as (

    select
        periods.billing_month,
        raw_lines.source,
        raw_lines.currency,
        count(*) as row_count,
        sum(raw_lines.amount) as amount
    from periods
    inner join raw_lines
        on
            (
                raw_lines.source = 'bss_invoices'
                and raw_lines.source_month between periods.bss_window_start and periods.bss_window_end
            )
            or (
                raw_lines.source <> 'bss_invoices'
                and raw_lines.source_month between periods.ms_window_start and periods.ms_window_end
            )
    group by periods.billing_month, raw_lines.source, raw_lines.currency

),

classified_totals as (

    select
        billing_month,
        source,
        currency,
        count(*) as row_count,
        sum(cost) as amount
    from {{ ref('int_subscriptions__classified') }}
    where is_window_month
    group by billing_month, source, currency

)

select
    billing_month,
    source,
    currency,
    raw_totals.row_count as raw_rows,
    classified_totals.row_count as classified_rows,
    raw_totals.amount as raw_amount,
    classified_totals.amount as classified_amount
from raw_totals
full outer join classified_totals using (billing_month, source, currency)
where
    coalesce(raw_totals.row_count, 0) <> coalesce(classified_totals.row_count, 0)
    or coalesce(raw_totals.amount, 0) <> coalesce(classified_totals.amount, 0)
