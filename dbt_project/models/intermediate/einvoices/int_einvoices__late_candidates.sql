-- Pass late: open register documents and e-invoices dated after them, whatever the window (rule 28).
with
{{ open_documents([
    'int_einvoices__manual_pairs', 'int_einvoices__group_members', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs',
    'int_einvoices__number_pairs', 'int_einvoices__amount_pairs',
]) }},

register_months as (

    select distinct
        case source when 'erp_sales_register' then 'sales' else 'purchase' end as register_type,
        billing_month
    from {{ source('raw', 'loads') }}
    where source in ('erp_sales_register', 'erp_purchase_register')

),

-- The register months around an e-invoice's date must be there, so that its own document had its chance; a disclosed one
-- is late by its version.
months as (

    select middle.register_type, middle.billing_month
    from register_months as middle
    inner join register_months as around
        on
            middle.register_type = around.register_type
            and {{ month_number('around.billing_month') }} - {{ month_number('middle.billing_month') }} between -1 and 1
    group by middle.register_type, middle.billing_month
    having count(*) = 3

),

ready as (

    select e.*
    from e
    left join months
        on e.register_type = months.register_type and cast(date_trunc('month', e.document_date) as date) = months.billing_month
    where e.is_disclosed or months.billing_month is not null

),

matches as (

    select r.register_id, e.einvoice_id
    from r
    inner join ready as e
        on
            r.register_type = e.register_type
            and r.loose_number = e.loose_number
            and r.document_type_key = e.document_type_key
            and r.supplier_tin_key = e.supplier_tin_key
            and r.buyer_tin_key = e.buyer_tin_key
            and {{ in_open_time() }}
    cross join {{ ref('int_einvoices__bands') }} as bands
    where abs({{ difference_myr('total_including_tax') }}) <= bands.high and {{ not_decided() }}

),

{{ compare_documents(
    "from matches inner join r on matches.register_id = r.register_id inner join e on matches.einvoice_id = e.einvoice_id"
) }}

select {{ pair_columns() }} from compared
