{{ config(materialized='table' if target.type == 'duckdb' else 'view') }}
with final as (

    {% for month in target_months('usage') -%}
    select
        {{ month_start(month) }} as billing_month,
        {{ as_of_date() }} >= {{ month_start(month, 1) }} + interval '{{ settle_days()["usage"] }}' day as is_settled
    {%- if not loop.last %} union all {% endif %}
    {% else -%}
    select cast(null as date) as billing_month, false as is_settled where false
    {%- endfor %}

)

select * from final
