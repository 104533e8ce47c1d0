{{ config(materialized='table') }}
-- Records of a uuid of which another takes part: the strongest status does, then the latest (6.8). Of one that a record
-- of status alone replaces, that status is told: it names the document better than metadata does.
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
        direction,
        uuid_key,
        status_key,
        {{ tells_status_alone('documents') }} as tells_status_alone,
        row_number() over (
            partition by direction, uuid_key
            order by
                case status_key when 'CANCELLED' then 1 when 'INVALID' then 2 when 'VALID' then 3 else 4 end,
                validated_at desc nulls last,
                {{ einvoice_content('documents') }},
                einvoice_id
        ) as choice
    from documents

)

select ranked.einvoice_id, case when chosen.tells_status_alone then chosen.status_key end as status_told
from ranked
inner join ranked as chosen
    on ranked.direction = chosen.direction and ranked.uuid_key = chosen.uuid_key and chosen.choice = 1
where ranked.choice > 1
