-- One row per month to reconcile.
with months as (

    {% for month in target_months('einvoices') -%}
    select {{ month_start(month) }} as billing_month
    {%- if not loop.last %} union all {% endif %}
    {% else -%}
    select cast(null as date) as billing_month where false
    {%- endfor %}

)

select
    billing_month,
    {{ add_days('last_day(billing_month)', 31) }} as last_open_day,
    {{ as_of_date() }} as as_of_date
from months
