{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Numbers that the lines of a consolidated e-invoice name and that no row of its group bears.
with named as (

    select distinct lines.einvoice_id, lines.document_number_key
    from {{ ref('int_einvoices__line_numbers') }} as lines
    inner join {{ ref('int_einvoices__groups') }} as groups on lines.einvoice_id = groups.einvoice_id
    where lines.is_told

),

borne as (

    select members.einvoice_id, registers.document_number_key
    from {{ ref('int_einvoices__line_members') }} as members
    inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on members.register_id = registers.register_id

),

final as (

    select named.einvoice_id, named.document_number_key
    from named
    left join borne on named.einvoice_id = borne.einvoice_id and named.document_number_key = borne.document_number_key
    where borne.einvoice_id is null

)

select einvoice_id, {{ sorted_join('document_number_key', ', ') }} as numbers_without_row
from final
group by einvoice_id
