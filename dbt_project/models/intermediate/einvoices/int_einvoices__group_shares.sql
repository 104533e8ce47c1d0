-- Groups of disclosed e-invoices over several months, by month (rule 29): a month has its rows and an equal part of the
-- e-invoice; what that leaves of it, and so the difference, stands in the latest. A part is told in one currency alone.
with members as (

    select
        documents.*,
        grouped.einvoice_id,
        row_number() over (
            partition by grouped.einvoice_id, documents.billing_month
            order by documents.row_reference nulls last, {{ register_content('documents') }}, documents.register_id
        ) as place
    from {{ ref('int_einvoices__group_members') }} as grouped
    inner join {{ ref('int_einvoices__groups') }} as groups on grouped.einvoice_id = groups.einvoice_id
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on grouped.einvoice_id = e.einvoice_id
    inner join {{ ref('int_einvoices__unsettled_registers') }} as documents on grouped.register_id = documents.register_id
    where e.is_disclosed and groups.currency_code_key = e.currency_code_key

),

months as (

    select
        einvoice_id,
        billing_month,
        min(case when place = 1 then register_id end) as register_id,
        count(*) as row_count,
        {% for amount in einvoice_amounts() -%}
        cast(sum(amount_sign * {{ amount }}) as decimal(18, 2)) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from members
    group by einvoice_id, billing_month

),

placed as (

    select
        *,
        billing_month = max(billing_month) over (partition by einvoice_id) as is_latest,
        {% for amount in einvoice_amounts() -%}
        sum({{ amount }}) over (partition by einvoice_id) - {{ amount }} as other_{{ amount }},
        {% endfor -%}
        count(*) over (partition by einvoice_id) as month_count
    from months

),

final as (

    select
        placed.einvoice_id,
        placed.billing_month,
        placed.register_id,
        placed.row_count,
        placed.is_latest,
        {% for amount in einvoice_amounts() -%}
        placed.{{ amount }} as register_{{ amount }},
        cast(
            case when placed.is_latest then {{ signed('e', amount) }} - placed.other_{{ amount }} else placed.{{ amount }} end
            as decimal(18, 2)
        ) as einvoice_{{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from placed
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as e on placed.einvoice_id = e.einvoice_id
    where placed.month_count > 1

)

select * from final
