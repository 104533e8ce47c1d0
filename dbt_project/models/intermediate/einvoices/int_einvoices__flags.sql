{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- What a reader is told about a row without any bearing on its bucket (rule 32), by the register document that stands for
-- the row: codes, sorted.
with limits as (

    select
        {% for flag in ['consolidation_limit', 'issued_late', 'sum_mismatch'] -%}
        max(case when flag = '{{ flag }}' then threshold end) as {{ flag }},
        {% endfor -%}
        max(case when flag = 'consolidation_limit' then valid_from end) as consolidation_limit_from
    from {{ ref('einvoice_flags') }}

),

members as (

    select
        registers.*,
        coalesce(shares.register_id, groups.group_id) as group_id,
        coalesce(shares.billing_month, groups.billing_month) as group_month,
        groups.einvoice_id
    from {{ ref('int_einvoices__group_members') }} as grouped
    inner join {{ ref('int_einvoices__groups') }} as groups on grouped.einvoice_id = groups.einvoice_id
    inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on grouped.register_id = registers.register_id
    left join {{ ref('int_einvoices__group_shares') }} as shares
        on grouped.einvoice_id = shares.einvoice_id and registers.billing_month = shares.billing_month
    inner join {{ ref('int_einvoices__periods') }} as periods
        on coalesce(shares.billing_month, groups.billing_month) = periods.billing_month

),

-- The months of the rows that are looked at: a group's rows may be of earlier ones.
months as (

    select billing_month from {{ ref('int_einvoices__periods') }}
    union
    select billing_month from members

),

-- Of each month the numbers of its own documents and of those of the month before; purchases bear the suppliers' numbers.
looked_at as (

    select billing_month, billing_month as source_month from months
    union all
    select billing_month, {{ add_months('billing_month', -1) }} as source_month from months

),

spelled as (

    select
        looked_at.billing_month,
        rows_in.register_id,
        looked_at.billing_month = looked_at.source_month as is_own,
        coalesce(rows_in.supplier_tin_key, '') as supplier_tin_key,
        rows_in.document_number_key,
        {{ without_last_digits('rows_in.document_number_key') }} as prefix
    from {{ ref('stg_erp__register_rows') }} as rows_in
    inner join looked_at on rows_in.billing_month = looked_at.source_month
    where rows_in.register_type = 'sales'

),

numbers as (

    select
        billing_month,
        register_id,
        is_own,
        supplier_tin_key,
        prefix,
        length(document_number_key) as number_length,
        cast(substr(document_number_key, length(prefix) + 1) as bigint) as number
    from spelled
    where length(document_number_key) - length(prefix) between 1 and 18

),

series as (

    select billing_month, supplier_tin_key, prefix, number_length, min(number) as first_number
    from numbers
    group by billing_month, supplier_tin_key, prefix, number_length

),

gaps as (

    select numbers.register_id
    from numbers
    inner join series
        on
            numbers.billing_month = series.billing_month
            and numbers.supplier_tin_key = series.supplier_tin_key
            and numbers.prefix = series.prefix
            and numbers.number_length = series.number_length
    left join numbers as before -- of all documents, so no `not exists` (int_einvoices__key_matches)
        on
            before.number = numbers.number - 1
            and before.billing_month = numbers.billing_month
            and before.supplier_tin_key = numbers.supplier_tin_key
            and before.prefix = numbers.prefix
            and before.number_length = numbers.number_length
    where numbers.is_own and numbers.number > series.first_number and before.number is null

),

found as (

    select register_id, 'number_gap' as flag from gaps
    union all
    select registers.register_id, 'sum_mismatch' as flag
    from {{ ref('stg_erp__register_documents') }} as registers
    inner join months on registers.billing_month = months.billing_month
    cross join limits
    where
        abs(registers.total_excluding_tax + registers.total_tax_amount - registers.total_including_tax)
        > limits.sum_mismatch
    union all
    select members.register_id, 'consolidation_limit' as flag
    from members
    cross join limits
    where
        {{ in_ringgit('members', 'total_including_tax') }} >= limits.consolidation_limit
        and members.document_date >= limits.consolidation_limit_from
    union all
    select distinct members.group_id, 'issued_late' as flag
    from members
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on members.einvoice_id = e.einvoice_id
    cross join limits
    where
        e.is_consolidated
        and {{ days_inclusive('last_day(members.group_month)', 'e.document_date') }} - 1 > limits.issued_late

),

-- Of a group its first row tells what any of them is.
final as (

    select distinct coalesce(members.group_id, found.register_id) as register_id, found.flag
    from found
    left join members on found.register_id = members.register_id

)

select register_id, {{ sorted_join('flag', ', ') }} as flags
from final
group by register_id
