{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Documents of which the month's files hold a record that was rejected (intake.md, 9): the same number, and the same
-- supplier and register where the record tells them.
with records as (

    select distinct
        cast(month || '-01' as date) as billing_month,
        case source when 'erp_sales_register' then 'sales' when 'erp_purchase_register' then 'purchase' end
            as register_type,
        document_number as document_number_key,
        nullif(supplier_tin, '') as supplier_tin_key
    from {{ source('raw', 'quarantined_rows') }}
    where source in ('erp_sales_register', 'erp_purchase_register', 'einvoices') and document_number <> ''

),

documents as (

    select register_id as document_id, register_type, billing_month, document_number_key, supplier_tin_key
    from {{ ref('stg_erp__register_rows') }}
    union all
    select einvoice_id, register_type, billing_month, document_number_key, supplier_tin_key
    from {{ ref('stg_myinvois__einvoice_rows') }}

)

select distinct documents.document_id
from documents
inner join records
    on
        documents.billing_month = records.billing_month
        and documents.document_number_key = records.document_number_key
        and (records.register_type is null or documents.register_type = records.register_type)
        and (
            records.supplier_tin_key is null
            or {{ tin_key('documents.supplier_tin_key') }} = {{ tin_key('records.supplier_tin_key') }}
        )
