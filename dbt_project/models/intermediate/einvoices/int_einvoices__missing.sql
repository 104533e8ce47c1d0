-- One row per unpaired document, and why it is.
select
    unpaired.billing_month,
    unpaired.register_type,
    case unpaired.side when 'left' then unpaired.document_id end as register_id,
    case unpaired.side when 'right' then unpaired.document_id end as einvoice_id,
    case
        when unpaired.side = 'left' then 'Missing in EInv'
        when unpaired.register_type = 'sales' then 'Missing in Sales'
        else 'Missing in Purchase'
    end as bucket,
    case
        when duplicates.document_id is not null then 'duplicate'
        when late.einvoice_id is not null or held_back.einvoice_id is not null then 'paired_late'
        else reasons.reason
    end as reason,
    duplicates.original as duplicate_of
from {{ ref('int_einvoices__unpaired') }} as unpaired
left join {{ ref('int_einvoices__duplicates') }} as duplicates on unpaired.document_id = duplicates.document_id
left join {{ ref('int_einvoices__late_pairs') }} as late on unpaired.side = 'right' and unpaired.document_id = late.einvoice_id
left join (
    select einvoice_id from {{ ref('int_einvoices__consolidated') }} where not is_made
    union
    select einvoice_id from {{ ref('int_einvoices__line_members') }} where not is_made
) as held_back
    on unpaired.side = 'right' and unpaired.document_id = held_back.einvoice_id
left join {{ ref('int_einvoices__status_reasons') }} as reasons on unpaired.document_id = reasons.register_id
