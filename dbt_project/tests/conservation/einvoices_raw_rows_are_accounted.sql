-- Every raw row of either side is paired, missing or out of selection, and its value arrives unchanged: raw
-- against the last layer, per source and currency over all loaded months. A missing counterpart counts as 0.
with raw_rows as (

    {% for source_name in ['erp_sales_register', 'erp_purchase_register', 'einvoices'] -%}
    select
        '{{ source_name }}' as source,
        coalesce(currency_code_key, 'MYR') as currency, -- records of status alone have none
        case
            when document_type_key in ('02', '04', '12', '14', '2', '4') then -1 else 1
        end * {{ magnitude('total_including_tax') }} as amount
    from {{ source('raw', source_name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

raw_totals as (

    select source, currency, count(*) as row_count, sum(amount) as amount
    from raw_rows
    group by source, currency

),

accounted as (

    select source, currency, sum(row_count) as row_count, sum(amount) as amount
    from {{ ref('int_einvoices__accounted') }}
    group by source, currency

)

select
    source,
    currency,
    raw_totals.row_count as raw_rows,
    accounted.row_count as accounted_rows,
    raw_totals.amount as raw_amount,
    accounted.amount as accounted_amount
from raw_totals
full outer join accounted using (source, currency)
where
    coalesce(raw_totals.row_count, 0) <> coalesce(accounted.row_count, 0)
    or coalesce(raw_totals.amount, 0) <> coalesce(accounted.amount, 0)
