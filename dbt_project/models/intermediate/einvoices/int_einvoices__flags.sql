-- What a reader is told about a row without any bearing on its bucket (rule 32), by the register document that stands for
-- the row: codes, sorted.
with limits as (

    select
        {% for flag in ['consolidation_limit', 'issued_late', 'number_gap', 'sum_mismatch'] -%}
        max(case when flag = '{{ flag }}' then threshold end) as {{ flag }},
        {% endfor -%}
        max(case when flag = 'consolidation_limit' then valid_from end) as consolidation_limit_from
    from {{ ref('einvoice_flags') }}

),

members as (

    select
        registers.*,
        groups.group_id,
        groups.billing_month as group_month,
        groups.einvoice_id
    from {{ ref('int_einvoices__group_members') }} as grouped
    inner join {{ ref('int_einvoices__groups') }} as groups on grouped.einvoice_id = groups.einvoice_id
    inner join {{ ref('int_einvoices__periods') }} as periods on groups.billing_month = periods.billing_month
    inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on grouped.register_id = registers.register_id

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

numbers as (

    select
        looked_at.billing_month,
        rows_in.register_id,
        looked_at.billing_month = looked_at.source_month as is_own,
        rows_in.supplier_tin_key,
        {{ keep_group('rows_in.document_number_key', '^(.*?)[0-9]+$') }} as prefix,
        {{ keep_group('rows_in.document_number_key', '^.*?([0-9]+)$') }} as digits
    from {{ ref('stg_erp__register_rows') }} as rows_in
    inner join looked_at on rows_in.billing_month = looked_at.source_month
    where rows_in.register_type = 'sales'

),

steps as (

    select
        register_id,
        is_own,
        cast(digits as bigint) - max(cast(digits as bigint)) over (
            partition by billing_month, supplier_tin_key, prefix, length(digits)
            order by cast(digits as bigint) range between unbounded preceding and 1 preceding
        ) as step
    from numbers
    where digits <> prefix and length(digits) <= 18

),

found as (

    select steps.register_id, 'number_gap' as flag
    from steps
    cross join limits
    where steps.is_own and steps.step > limits.number_gap
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
