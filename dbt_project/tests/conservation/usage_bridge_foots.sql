-- Each total of an invoice's bridge is the total above it plus the steps between, exactly; the last one is the whole
-- export, as its lines have it.
with statement as (

    select
        billing_month, comparison, invoice_number, currency, position, row_kind, amount,
        sum(case when row_kind = 'total' then 1 else 0 end) over (
            partition by billing_month, comparison, invoice_number, currency
            order by position
        ) as totals_so_far
    from {{ ref('invoice_bridge') }}
    where row_kind in ('total', 'step')

),

sections as (

    select
        billing_month, comparison, invoice_number, currency, totals_so_far,
        sum(amount) as reached,
        sum(case when row_kind = 'total' then amount else 0 end) as total
    from statement
    group by billing_month, comparison, invoice_number, currency, totals_so_far

),

ends as (

    select billing_month, comparison, currency, sum(amount) as bridged
    from {{ ref('invoice_bridge') }}
    where position = 90
    group by billing_month, comparison, currency

),

lines as (

    select billing_month, comparison, currency, sum(amount) as exported
    from {{ ref('stg_azure__cost_lines') }}
    group by billing_month, comparison, currency

)

select above.billing_month, above.comparison, above.invoice_number, above.currency, above.reached, below.total
from sections as above
inner join sections as below
    on
        above.billing_month = below.billing_month and above.comparison = below.comparison
        and above.invoice_number = below.invoice_number and above.currency = below.currency
        and above.totals_so_far + 1 = below.totals_so_far
where above.reached <> below.total
union all
select billing_month, comparison, 'all', currency, ends.bridged, lines.exported
from ends
full outer join lines using (billing_month, comparison, currency)
where coalesce(ends.bridged, 0) <> coalesce(lines.exported, 0)
