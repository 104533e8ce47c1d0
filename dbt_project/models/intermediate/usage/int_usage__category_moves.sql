{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
-- Grid rows whose difference only moved to another meter: every resource that differs by more than a minor unit is
-- known and has the opposite difference on another comparable meter of the same subscription (5).
with resources as (

    select
        resources.*,
        verdicts.billing_month,
        verdicts.comparison,
        verdicts.invoice_number,
        verdicts.azure_subscription_id,
        verdicts.currency,
        verdicts.minor_unit,
        verdicts.status
    from {{ ref('int_usage__resources') }} as resources
    inner join {{ ref('int_usage__verdicts') }} as verdicts on resources.grid_id = verdicts.grid_id
    where verdicts.status <> 'not_comparable'

),

differing as (

    select * from resources
    where status <> 'matched' and abs(amount_variation) > minor_unit

),

moved as (

    select distinct
        differing.grid_id,
        differing.resource_id
    from differing
    inner join resources as others
        on
            differing.resource_id = others.resource_id
            and differing.billing_month = others.billing_month
            and differing.comparison = others.comparison
            and differing.invoice_number = others.invoice_number
            and differing.azure_subscription_id is not distinct from others.azure_subscription_id
            and differing.currency = others.currency
            and differing.grid_id <> others.grid_id
    where abs(differing.amount_variation + others.amount_variation) <= differing.minor_unit

)

select differing.grid_id
from differing
left join moved on differing.grid_id = moved.grid_id and differing.resource_id = moved.resource_id
group by differing.grid_id
having count(*) = count(moved.resource_id)
