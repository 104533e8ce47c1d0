-- One row per month, side, selection and currency: what the documents add up to, tax included.
select
    accounted.billing_month,
    accounted.side,
    accounted.selection,
    accounted.currency,
    cast(sum(accounted.row_count) as bigint) as row_count,
    sum(accounted.amount) as amount,
    cast(null as decimal(18, 2)) as period_amount
from {{ ref('int_einvoices__accounted') }} as accounted
inner join {{ ref('int_einvoices__periods') }} as periods on accounted.billing_month = periods.billing_month
group by accounted.billing_month, accounted.side, accounted.selection, accounted.currency
