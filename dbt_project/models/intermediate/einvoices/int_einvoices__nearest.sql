-- The documents of int_einvoices__near compared, and what they are ranked by.
with found as (

    select * from {{ ref('int_einvoices__near') }}

),

registers as (

    {{ picked_registers(ref('int_einvoices__near')) }}

),

einvoices as (

    {{ picked_einvoices(ref('int_einvoices__near')) }}

),

{{ compare_documents(
    "from found inner join registers as r on found.register_id = r.register_id "
    ~ "inner join einvoices as e on found.einvoice_id = e.einvoice_id", name_fields=true) }}

select
    compared.*,
    registers.document_date as register_date,
    registers.row_reference,
    einvoices.validated_at,
    einvoices.uuid_key,
    {{ register_content('registers') }} as register_content,
    {{ einvoice_content('einvoices') }} as einvoice_content
from compared
inner join registers on compared.register_id = registers.register_id
inner join einvoices on compared.einvoice_id = einvoices.einvoice_id
