-- Pairs that a person made: before every pass, in whatever window (spec/decisions.md, 2).
with r as (

    select documents.*
    from {{ ref('int_einvoices__unsettled_registers') }} as documents

),

e as (

    select * from {{ ref('int_einvoices__unsettled_einvoices') }}

),

{{ compare_documents(
    "from " ~ ref('int_einvoices__manual') ~ " as made inner join r on made.register_id = r.register_id "
    ~ "inner join e on made.einvoice_id = e.einvoice_id where made.action = 'pair'"
) }}

select
    {{ pair_columns() }},
    1 as candidate_count,
    false as is_ambiguous
from compared
