with documents as (

    select * from {{ ref('int_einvoices__unsettled_registers') }}

),

members as (

    select
        documents.*,
        grouped.einvoice_id,
        grouped.pass,
        row_number() over (
            partition by grouped.einvoice_id
            order by documents.row_reference nulls last, {{ register_content('documents') }}, documents.register_id
        ) as place
    from {{ ref('int_einvoices__group_members') }} as grouped
    inner join documents on grouped.register_id = documents.register_id

),

sums as (

    select
        einvoice_id,
        max(billing_month) as billing_month,
        count(*) as row_count,
        -- The rows' common value; null when there are several, which then differs (6.15).
        case when count(distinct coalesce(supplier_tin_key, '')) = 1 then min(supplier_tin_key) end as supplier_tin_key,
        count(distinct currency_code_key) > 1 as has_several_currencies,
        case when count(distinct currency_code_key) = 1 then min(currency_code_key) end as currency_code_key,
        case
            when count(distinct currency_code_key) = 1 and count(distinct coalesce(cast(rate as string), '')) = 1
                then min(rate)
        end as rate,
        {% for amount in einvoice_amounts() -%}
        cast(sum(amount_sign * {{ amount }}) as decimal(18, 2)) as signed_{{ amount }},
        max({{ amount }}) as largest_{{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from members
    group by einvoice_id

),

-- One row per group of register rows, compared with its e-invoice as one document. Sums never mix currencies.
final as (

    select
        members.register_id as group_id,
        members.register_type,
        sums.einvoice_id,
        members.pass,
        sums.billing_month,
        sums.row_count,
        members.document_date,
        case when sums.supplier_tin_key is not null then members.supplier_tin end as supplier_tin,
        case when not sums.has_several_currencies then members.currency_code end as currency_code,
        sums.supplier_tin_key,
        sums.currency_code_key,
        sums.rate,
        {% for amount in einvoice_amounts() -%}
        case
            when not sums.has_several_currencies then abs(sums.signed_{{ amount }})
            when sums.largest_{{ amount }} = 0 then 0
        end as {{ amount }},
        case when not sums.has_several_currencies then sums.signed_{{ amount }} end as signed_{{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from sums
    inner join members on sums.einvoice_id = members.einvoice_id and members.place = 1

)

select * from final
