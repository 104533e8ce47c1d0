-- The documents of int_einvoices__near compared, what they are ranked by, and what is shown of either: few, picked once.
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
    einvoices.uuid,
    einvoices.participation,
    einvoices.document_date as einvoice_date,
    einvoices.document_date between registers.window_start and registers.window_end as is_in_window,
    {% for side in ['register', 'einvoice'] -%}
    {% for column in ['document_number', 'currency_code', 'source_file', 'source_row'] -%}
    {{ side }}s.{{ column }} as {{ side }}_{{ column }},
    {% endfor -%}
    cast({{ signed(side ~ 's', 'total_including_tax') }} as decimal(18, 2)) as {{ side }}_total_including_tax,
    {% endfor -%}
    {{ register_content('registers') }} as register_content,
    {{ einvoice_content('einvoices') }} as einvoice_content
from compared
inner join registers on compared.register_id = registers.register_id
inner join einvoices on compared.einvoice_id = einvoices.einvoice_id
