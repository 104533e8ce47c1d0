{#- Texts of closed lists are enumerations: narrow where rows are written and sorted, and published in a tenth of the time. -#}
{%- set category -%}
case
            when rows_in.pass is null then 'Missing'
            when rows_in.bucket = 'Mismatch' then 'Mismatch'
            else 'Match'
        end
{%- endset -%}
{%- set reason -%}
case
            when rows_in.reason is not null then rows_in.reason
            when rows_in.pass is not null and einvoices.is_disclosed then 'disclosed_late'
            when rows_in.bucket <> 'Exact'
                and (register_rejected.document_id is not null or einvoice_rejected.document_id is not null)
                then 'rejected_records'
        end
{%- endset -%}
{%- set due_state -%}
case
            when rows_in.pass is not null then null
            when rows_in.as_of_date <= rows_in.last_open_day then 'open'
            else 'overdue'
        end
{%- endset -%}
{%- set einvoice_status -%}
substr(einvoices.status_key, 1, 1) || lower(substr(einvoices.status_key, 2))
{%- endset -%}
-- The rows of einvoice_reconciliation, and of what is not settled the verdict of each field: both marts read them in this
-- order, so that publishing sorts neither.
with periods as (

    select * from {{ ref('int_einvoices__periods') }}

),

rows_in as (

    select rows_all.*, periods.last_open_day, periods.as_of_date
    from {{ ref('int_einvoices__rows') }} as rows_all
    inner join periods on rows_all.billing_month = periods.billing_month

),

registers as (

    select * from {{ ref('stg_erp__register_documents') }}

),

einvoices as (

    select * from {{ ref('stg_myinvois__einvoices') }}

),

groups as (

    select * from {{ ref('int_einvoices__groups') }}

),

shown as (

    select
        rows_in.billing_month,
        coalesce(rows_in.register_id, rows_in.einvoice_id) as row_id,
        {{ einvoice_reconciliation_key('registers', 'einvoices', 'repeated') }} as reconciliation_key,
        {{ one_of('rows_in.register_type', ['sales', 'purchase']) }} as register_type,
        {{ one_of('rows_in.bucket', [
            'Exact', 'Suggested', 'Low', 'Medium', 'High', 'Mismatch', 'Missing in EInv', 'Missing in Sales',
            'Missing in Purchase',
        ]) }} as bucket,
        {{ one_of(category, ['Match', 'Mismatch', 'Missing']) }} as category,
        {{ one_of('rows_in.amount_band', ['none', 'Low', 'Medium', 'High', 'Over']) }} as amount_band,
        {{ one_of(reason, [
            'duplicate', 'cancelled', 'invalid', 'submitted', 'fx_missing', 'paired_late', 'disclosed_late',
            'rejected_records',
        ]) }} as reason,
        register_rejected.document_id is not null or einvoice_rejected.document_id is not null as has_rejected_records,
        rows_in.n_id,
        rows_in.n_amt,
        cast(rows_in.max_difference_myr as decimal(18, 2)) as max_difference_myr,
        {{ one_of('rows_in.pass', [
            'manual', 'consolidated', 'uuid', 'key', 'number', 'amounts', 'consolidated_lines', 'late',
        ]) }} as pass,
        case
            when rows_in.pass = 'late'
                then cast({{ days_inclusive('registers.document_date', 'einvoices.document_date') }} - 1 as bigint)
        end as paired_after_days,
        cast(rows_in.candidate_count as bigint) as candidate_count,
        rows_in.ambiguous,
        rows_in.duplicate_of,
        flags.flags,
        cast(rows_in.row_count as bigint) as row_count,
        {{ one_of(due_state, ['open', 'overdue']) }} as due_state,
        rows_in.as_of_date,
        {% for field in einvoice_identifiers() -%}
        {% if field in ['supplier_tin', 'currency_code'] -%}
        case when groups.group_id is null then registers.{{ field }} else groups.{{ field }} end as register_{{ field }},
        {% else -%}
        registers.{{ field }} as register_{{ field }},
        {% endif -%}
        {% endfor -%}
        {% for field in einvoice_amounts() -%}
        cast(
            case
                when groups.group_id is null then {{ signed('registers', field) }}
                else coalesce(shares.register_{{ field }}, groups.signed_{{ field }})
            end
            as decimal(18, 2)
        ) as register_{{ field }},
        {% endfor -%}
        registers.exchange_rate as register_exchange_rate,
        registers.supplier_name as register_supplier_name,
        registers.buyer_name as register_buyer_name,
        registers.row_reference as register_row_reference,
        {% for field in einvoice_identifiers() -%}
        einvoices.{{ field }} as einvoice_{{ field }},
        {% endfor -%}
        {% for field in einvoice_amounts() -%}
        cast(coalesce(shares.einvoice_{{ field }}, {{ signed('einvoices', field) }}) as decimal(18, 2)) as einvoice_{{ field }},
        {% endfor -%}
        einvoices.exchange_rate as einvoice_exchange_rate,
        einvoices.supplier_name as einvoice_supplier_name,
        einvoices.buyer_name as einvoice_buyer_name,
        einvoices.uuid,
        {{ one_of(einvoice_status, ['Submitted', 'Valid', 'Invalid', 'Cancelled']) }} as einvoice_status,
        einvoices.is_status_assumed as status_assumed,
        einvoices.status_key = 'SUBMITTED' as is_submitted,
        einvoices.is_consolidated,
        registers.source_file as register_source_file,
        registers.source_row as register_source_row,
        -- The document is in one row; the months before have parts of it.
        case when coalesce(shares.is_latest, true) then einvoices.source_file end as einvoice_source_file,
        case when coalesce(shares.is_latest, true) then einvoices.source_row end as einvoice_source_row,
        bands.low as low_threshold_myr,
        bands.medium as medium_threshold_myr,
        bands.high as high_threshold_myr
    from rows_in
    left join registers on rows_in.register_id = registers.register_id
    left join einvoices on rows_in.einvoice_id = einvoices.einvoice_id
    left join {{ ref('int_einvoices__repeated_keys') }} as repeated
        on coalesce(rows_in.register_id, rows_in.einvoice_id) = repeated.row_id
    left join groups on rows_in.einvoice_id = groups.einvoice_id
    left join {{ ref('int_einvoices__group_shares') }} as shares
        on rows_in.einvoice_id = shares.einvoice_id and rows_in.billing_month = shares.billing_month
    left join {{ ref('int_einvoices__rejected') }} as register_rejected
        on rows_in.register_id = register_rejected.document_id
    left join {{ ref('int_einvoices__rejected') }} as einvoice_rejected
        on rows_in.einvoice_id = einvoice_rejected.document_id
    left join {{ ref('int_einvoices__flags') }} as flags on rows_in.register_id = flags.register_id
    cross join {{ ref('int_einvoices__bands') }} as bands

),

final as (

    select
        shown.*,
        {{ decision_columns('einvoices', 'shown', 'made', "shown.pass = 'manual'") }},
        verdicts.are_equal,
        verdicts.differences,
        verdicts.differences_myr,
        verdicts.numbers_without_row
    from shown
    left join {{ ref('int_einvoices__decided') }} as made on shown.row_id = made.row_id
    left join {{ ref('int_einvoices__field_verdicts') }} as verdicts on shown.row_id = verdicts.register_id

)

select * from final {{ in_order(['billing_month', 'reconciliation_key']) }}
