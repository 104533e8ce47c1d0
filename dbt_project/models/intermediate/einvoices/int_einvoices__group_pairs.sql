with e as (

    select * from {{ ref('int_einvoices__unsettled_einvoices') }}

),

{{ compare_documents(
    "from " ~ ref('int_einvoices__groups') ~ " as r inner join e on r.einvoice_id = e.einvoice_id", is_group=true
) }}

select
    {{ pair_columns() }},
    1 as candidate_count,
    false as is_ambiguous
from compared
