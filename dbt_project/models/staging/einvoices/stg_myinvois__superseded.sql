{{ config(materialized='table') }}
-- Records of a uuid of which another takes part: the strongest status does, then the latest (6.8).
with repeated as (

    select {{ fingerprint('uuid_key') }} as uuid_fingerprint
    from {{ source('raw', 'einvoices') }}
    where uuid_key is not null
    group by 1
    having count(*) > 1

),

rows_in as (

    select einvoice_rows.*
    from {{ ref('stg_myinvois__einvoice_rows') }} as einvoice_rows
    inner join repeated on {{ fingerprint('einvoice_rows.uuid_key') }} = repeated.uuid_fingerprint
    where einvoice_rows.uuid_key is not null

),

documents as (

    {{ einvoice_documents('rows_in') }}

),

ranked as (

    select
        einvoice_id,
        row_number() over (
            partition by register_type, uuid_key
            order by
                case status_key when 'CANCELLED' then 1 when 'INVALID' then 2 when 'VALID' then 3 else 4 end,
                validated_at desc nulls last,
                {{ einvoice_content('documents') }},
                einvoice_id
        ) as choice
    from documents

)

select einvoice_id from ranked where choice > 1
