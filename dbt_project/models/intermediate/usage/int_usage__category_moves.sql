-- Grid rows whose difference only moved to another meter: every resource that differs by more than a minor unit is
-- known and has the opposite difference on another comparable meter of the same subscription (5).
with verdicts as (

    select * from {{ ref('int_usage__verdicts') }}

),

resources as (

    select
        resources.*,
        verdicts.minor_unit,
        verdicts.status
    from {{ ref('int_usage__resources') }} as resources
    inner join verdicts
        on
            resources.billing_month = verdicts.billing_month
            and resources.comparison = verdicts.comparison
            and resources.invoice_number = verdicts.invoice_number
            and resources.azure_subscription_id is not distinct from verdicts.azure_subscription_id
            and resources.currency = verdicts.currency
            and resources.meter_id is not distinct from verdicts.meter_id
    where verdicts.status <> 'not_comparable'

),

differing as (

    select * from resources
    where status <> 'matched' and abs(amount_variation) > minor_unit

),

moved as (

    select distinct
        differing.billing_month,
        differing.comparison,
        differing.invoice_number,
        differing.azure_subscription_id,
        differing.currency,
        differing.meter_id,
        differing.resource_id
    from differing
    inner join resources as others
        on
            differing.billing_month = others.billing_month
            and differing.comparison = others.comparison
            and differing.invoice_number = others.invoice_number
            and differing.azure_subscription_id is not distinct from others.azure_subscription_id
            and differing.currency = others.currency
            and differing.resource_id = others.resource_id
            and differing.meter_id is distinct from others.meter_id
    where abs(differing.amount_variation + others.amount_variation) <= differing.minor_unit

)

select
    differing.billing_month,
    differing.comparison,
    differing.invoice_number,
    differing.azure_subscription_id,
    differing.currency,
    differing.meter_id
from differing
left join moved
    on
        differing.billing_month = moved.billing_month
        and differing.comparison = moved.comparison
        and differing.invoice_number = moved.invoice_number
        and differing.azure_subscription_id is not distinct from moved.azure_subscription_id
        and differing.currency = moved.currency
        and differing.meter_id is not distinct from moved.meter_id
        and differing.resource_id = moved.resource_id
group by
    differing.billing_month, differing.comparison, differing.invoice_number, differing.azure_subscription_id,
    differing.currency, differing.meter_id
having count(*) = count(moved.resource_id)
