-- The seed and the generated models compare the same 13 fields, and the thresholds rise.
with expected as (

    {% for field in einvoice_identifiers() + einvoice_amounts() -%}
    select
        '{{ field }}' as compared_field,
        '{{ "identifier" if field in einvoice_identifiers() else "amount" }}' as kind
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select compared_field, seed.kind as seed_kind, expected.kind as expected_kind
from {{ ref('einvoice_compared_fields') }} as seed
full outer join expected using (compared_field)
where seed.kind is distinct from expected.kind
union all
select 'count', cast(count(*) as string), '13' from {{ ref('einvoice_compared_fields') }} having count(*) <> 13
union all
select 'thresholds', 'not rising', null from {{ ref('int_einvoices__bands') }}
where not coalesce(0 < low and low < medium and medium < high, false)
