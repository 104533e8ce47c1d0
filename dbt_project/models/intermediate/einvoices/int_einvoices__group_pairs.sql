with
{{ compare_documents(
    "from " ~ ref('int_einvoices__groups') ~ " as r inner join " ~ ref('stg_myinvois__einvoices')
    ~ " as e on r.einvoice_id = e.einvoice_id", is_group=true) }}

select
    *,
    1 as candidate_count,
    false as is_ambiguous
from compared
