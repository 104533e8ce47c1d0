-- Register documents that waited for an e-invoice, of all loaded months: the month in which each came, and that in which
-- it stopped waiting and how. A pair of a person ends an item when it was made, a late one with the e-invoice's month.
with registers as (

    select
        documents.*,
        {{ signed('documents', 'total_including_tax') }} as amount
    from {{ ref('int_einvoices__unsettled_registers') }} as documents

),

unpaired as (

    select document_id from {{ ref('int_einvoices__unpaired') }}
    where side = 'left'

),

-- A missing document as the mart has it, for the fingerprint that a verdict rests on.
missing as (

    select
        registers.register_id,
        'Missing in EInv' as bucket,
        cast(null as decimal(18, 2)) as max_difference_myr,
        {% for field in einvoice_identifiers() -%}
        registers.{{ field }} as register_{{ field }},
        cast(null as {{ 'date' if field == 'document_date' else 'string' }}) as einvoice_{{ field }},
        {% endfor -%}
        {% for field in einvoice_amounts() -%}
        cast({{ signed('registers', field) }} as decimal(18, 2)) as register_{{ field }},
        cast(null as decimal(18, 2)) as einvoice_{{ field }}{{ ',' if not loop.last }}
        {% endfor %}
    from registers
    inner join unpaired on registers.register_id = unpaired.document_id

),

verdicts as (

    select
        missing.register_id,
        case made.action when 'accept' then 'decided' else 'written_off' end as ended_by,
        cast(substr(made.decided_at, 1, 7) || '-01' as date) as ended_month
    from missing
    inner join {{ ref('int_einvoices__decided') }} as made on missing.register_id = made.row_id
    where made.action in ('accept', 'ignore') and {{ decision_state('einvoices', 'missing', 'made', 'true') }} = 'holds'

),

paired as (

    select register_id, 'paired_late' as ended_by, einvoice_month as ended_month
    from {{ ref('int_einvoices__late_pairs') }}
    where is_made
    union all
    select r.register_id, 'paired_late' as ended_by, e.billing_month as ended_month
    from {{ ref('int_einvoices__group_members') }} as grouped
    inner join {{ ref('int_einvoices__unsettled_registers') }} as r on grouped.register_id = r.register_id
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on grouped.einvoice_id = e.einvoice_id
    where not ({{ in_window() }})
    union all
    select pairs.register_id, 'decided' as ended_by, cast(substr(decisions.decided_at, 1, 7) || '-01' as date) as ended_month
    from {{ ref('int_einvoices__manual_pairs') }} as pairs
    inner join {{ ref('int_einvoices__manual') }} as made
        on made.action = 'pair' and pairs.register_id = made.register_id and pairs.einvoice_id = made.einvoice_id
    inner join {{ source('raw', 'decisions') }} as decisions on made.decision_id = decisions.decision_id

),

ended as (

    select * from verdicts
    union all
    select * from paired

),

items as (

    select document_id as register_id from unpaired
    union all
    select register_id from paired

)

select
    registers.register_id,
    registers.register_type,
    registers.currency_code_key as currency,
    registers.document_date,
    registers.billing_month as opened_month,
    case when ended.register_id is not null then greatest(ended.ended_month, registers.billing_month) end as ended_month,
    ended.ended_by,
    registers.amount
from items
inner join registers on items.register_id = registers.register_id
left join ended on items.register_id = ended.register_id
