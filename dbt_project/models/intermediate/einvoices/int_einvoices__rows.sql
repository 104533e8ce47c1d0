{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with pairs as (

    -- Of a group over several months one row each, the difference in the latest (rule 29).
    select
        coalesce(shares.billing_month, found.billing_month) as billing_month,
        found.register_type,
        coalesce(shares.register_id, found.register_id) as register_id,
        found.einvoice_id,
        found.pass,
        found.pass_number,
        coalesce(shares.row_count, groups.row_count, 1) as row_count,
        found.n_id,
        case when coalesce(shares.is_latest, true) then found.n_amt else 0 end as n_amt,
        found.is_fx_missing and coalesce(shares.is_latest, true) as is_fx_missing,
        case when coalesce(shares.is_latest, true) then found.max_difference_myr else 0 end as max_difference_myr,
        found.candidate_count,
        found.is_ambiguous
    from {{ ref('int_einvoices__pairs') }} as found
    left join {{ ref('int_einvoices__groups') }} as groups on found.einvoice_id = groups.einvoice_id
    left join {{ ref('int_einvoices__group_shares') }} as shares on found.einvoice_id = shares.einvoice_id

),

matched as (

    select
        pairs.billing_month,
        pairs.register_type,
        pairs.register_id,
        pairs.einvoice_id,
        pairs.pass,
        pairs.pass_number,
        pairs.row_count,
        {{ bucket_of_pair('pairs') }} as bucket,
        case
            when max_difference_myr = 0 then 'none'
            when max_difference_myr <= bands.low then 'Low'
            when max_difference_myr <= bands.medium then 'Medium'
            when max_difference_myr <= bands.high then 'High'
            when max_difference_myr is not null then 'Over'
        end as amount_band,
        case when pairs.is_fx_missing then 'fx_missing' end as reason,
        n_id,
        n_amt,
        max_difference_myr,
        candidate_count,
        is_ambiguous as ambiguous,
        cast(null as string) as duplicate_of
    from pairs
    cross join {{ ref('int_einvoices__bands') }} as bands

),

missing as (

    select
        billing_month,
        register_type,
        register_id,
        einvoice_id,
        cast(null as string) as pass,
        cast(null as integer) as pass_number,
        1 as row_count,
        bucket,
        cast(null as string) as amount_band,
        reason,
        cast(null as integer) as n_id,
        cast(null as integer) as n_amt,
        cast(null as decimal(18, 2)) as max_difference_myr,
        0 as candidate_count,
        false as ambiguous,
        duplicate_of
    from {{ ref('int_einvoices__missing') }}

),

-- One row per pair or unpaired document of all loaded months; the target months choose which are published.
final as (

    select * from matched
    union all
    select * from missing

)

select * from final
