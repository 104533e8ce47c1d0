-- The grades of amount differences rise (spec/einvoice_reconciliation.md, 4).
select low, medium, high
from {{ ref('int_einvoices__bands') }}
where not coalesce(0 < low and low < medium and medium < high, false)
