{{ config(materialized='view') }}
-- What each pair or unpaired document adds to either side's value, and the step of the waterfall that it belongs to. A
-- pair in two currencies is in each of them by itself.
with documents as (

    select
        billing_month,
        reconciliation_key as row_id,
        register_type,
        bucket,
        pass,
        {{ decided_step('rows_in') }} as decided_step,
        coalesce(upper(register_currency_code), 'MIXED') as register_currency,
        coalesce(upper(einvoice_currency_code), 'MIXED') as einvoice_currency,
        coalesce(register_total_including_tax, 0) as left_amount,
        coalesce(einvoice_total_including_tax, 0) as right_amount
    from {{ ref('einvoice_reconciliation') }} as rows_in

),

final as (

    select
        billing_month,
        row_id,
        register_type,
        case when bucket = 'Missing in EInv' then register_currency else einvoice_currency end as currency,
        case
            when decided_step is not null then 55
            when bucket = 'Missing in EInv' then 20
            when pass is null then 30
            when bucket = 'Exact' then 50
            else 40
        end as position,
        coalesce(decided_step, bucket) as step,
        cast(left_amount as decimal(38, 3)) as left_amount,
        cast(right_amount as decimal(38, 3)) as right_amount
    from documents
    where pass is null or register_currency = einvoice_currency
    union all
    select
        billing_month, row_id, register_type, register_currency, case when decided_step is null then 60 else 55 end,
        coalesce(decided_step, 'not_comparable'),
        cast(left_amount as decimal(38, 3)), cast(0 as decimal(38, 3))
    from documents
    where pass is not null and register_currency <> einvoice_currency
    union all
    select
        billing_month, row_id, register_type, einvoice_currency, case when decided_step is null then 60 else 55 end,
        coalesce(decided_step, 'not_comparable'),
        cast(0 as decimal(38, 3)), cast(right_amount as decimal(38, 3))
    from documents
    where pass is not null and register_currency <> einvoice_currency

)

select * from final
