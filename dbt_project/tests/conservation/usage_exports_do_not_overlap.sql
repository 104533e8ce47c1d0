-- Two exports of one kind and month that hold the same Azure subscription would count it twice (rule 1).
select
    billing_month,
    comparison,
    azure_subscription_id,
    count(distinct export_id) as export_count
from {{ ref('int_usage__cost_spellings') }}
where azure_subscription_id is not null
group by billing_month, comparison, azure_subscription_id
having count(distinct export_id) > 1
