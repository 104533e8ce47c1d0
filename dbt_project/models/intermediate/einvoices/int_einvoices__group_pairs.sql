with e as (

    select * from {{ ref('int_einvoices__unsettled_einvoices') }}

),

{{ compare_documents(
    "from " ~ ref('int_einvoices__groups') ~ " as r inner join e on r.einvoice_id = e.einvoice_id", is_group=true
) }}

select
    groups.pass,
    {{ pair_columns('compared.') }},
    1 as candidate_count,
    false as is_ambiguous
from compared
inner join {{ ref('int_einvoices__groups') }} as groups on compared.einvoice_id = groups.einvoice_id
