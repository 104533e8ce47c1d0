-- One row per month to reconcile: those asked for, those to which their late pairs belong, and published ones whose late
-- pairs are not what readers see (rule 28).
with months as (

    {% for month in target_months('einvoices') -%}
    select {{ month_start(month) }} as billing_month
    {%- if not loop.last %} union all {% endif %}
    {% else -%}
    select cast(null as date) as billing_month where false
    {%- endfor %}

),

published as (

    {% for month, late_pairs in var('published_late_pairs').items() -%}
    select {{ month_start(month) }} as billing_month, '{{ late_pairs }}' as late_pairs
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select cast(null as date) as billing_month, cast(null as string) as late_pairs where false
    {%- endfor %}

),

final as (

    select billing_month from months
    union
    select belongs.billing_month
    from {{ ref('int_einvoices__late_documents') }} as late
    inner join months on months.billing_month in (late.billing_month, late.einvoice_month)
    inner join {{ ref('int_einvoices__late_documents') }} as belongs on late.einvoice_id = belongs.einvoice_id
    union
    select published.billing_month
    from published
    left join {{ ref('int_einvoices__late_months') }} as late on published.billing_month = late.billing_month
    where published.late_pairs <> coalesce(late.late_pairs, '')

)

select
    billing_month,
    {{ add_days('last_day(billing_month)', 31) }} as last_open_day,
    {{ as_of_date() }} as as_of_date
from final
