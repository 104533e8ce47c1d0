-- Months that late documents touch, by either side, and a mark that changes whenever one of these pairs or groups does.
with pairs as (

    select
        late.billing_month,
        late.einvoice_month,
        {{ register_row_key('registers') }} || '|' || {{ einvoice_row_key('einvoices') }} as documents
    from {{ ref('int_einvoices__late_documents') }} as late
    inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on late.register_id = registers.register_id
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as einvoices on late.einvoice_id = einvoices.einvoice_id

),

touched as (

    select billing_month, documents from pairs
    union all
    select einvoice_month, documents from pairs where einvoice_month <> billing_month

)

select billing_month, {{ sha256_hex(sorted_join('documents', '|')) }} as late_pairs
from touched
group by billing_month
