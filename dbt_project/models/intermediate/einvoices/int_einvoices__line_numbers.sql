-- Numbers that the lines of consolidated e-invoices name that no pass has paired (rule 30); is_told is false of what only
-- may be a number.
with
{{ open_documents([
    'int_einvoices__manual_pairs', 'int_einvoices__consolidated', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs',
    'int_einvoices__number_pairs', 'int_einvoices__amount_pairs',
]) }},

lines as (

    select e.einvoice_id, {{ each_line('e.line_numbers') }} as line_number
    from e
    where e.is_consolidated and e.line_numbers is not null

)

select
    einvoice_id,
    case when substr(line_number, 1, 1) = '?' then substr(line_number, 2) else line_number end as document_number_key,
    substr(line_number, 1, 1) <> '?' as is_told
from lines
