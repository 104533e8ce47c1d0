{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with verdicts as (

    select
        rows_in.*,
        {{ decided_step('rows_in') }} is not null as is_decided,
        coalesce(rows_in.register_total_including_tax, 0) as left_value,
        coalesce(rows_in.einvoice_total_including_tax, 0) as right_value
    from {{ ref('einvoice_reconciliation') }} as rows_in

),

-- One row per month, bucket and currency: documents and invoice value. A missing side counts 0; a pair in two
-- currencies stands under both, register first, and has no difference.
final as (

    select
        billing_month,
        'einvoices' as reconciliation,
        bucket as status,
        case
            when pass is not null and register_currency_code is null then 'MIXED/' || upper(einvoice_currency_code)
            when register_currency_code is null then upper(einvoice_currency_code)
            when einvoice_currency_code is null then upper(register_currency_code)
            when upper(register_currency_code) = upper(einvoice_currency_code) then upper(register_currency_code)
            else upper(register_currency_code) || '/' || upper(einvoice_currency_code)
        end as currency,
        count(*) as row_count,
        sum(left_value) as left_amount,
        sum(right_value) as right_amount,
        case
            when max(case when pass is not null and register_currency_code is null then 1 when upper(register_currency_code) <> upper(einvoice_currency_code) then 1 else 0 end) = 0
                then sum(left_value) - sum(right_value)
        end as difference,
        {{ open_and_decided('left_value', 'right_value') }}
    from verdicts
    group by 1, 2, 3, 4

)

select * from final
