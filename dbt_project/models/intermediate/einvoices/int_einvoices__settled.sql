-- Most documents: alike in everything and without a rival on either side. No later pass needs to look at them.
select matches.register_id, matches.einvoice_id, matches.register_type, matches.billing_month
from {{ ref('int_einvoices__key_matches') }} as matches
where
    is_alike
    {% for id in ['register_id', 'einvoice_id'] -%}
    and not exists (
        select 1
        from (select {{ id }} from {{ ref('int_einvoices__key_matches') }} group by {{ id }} having count(*) > 1) as rivals
        where rivals.{{ id }} = matches.{{ id }}
    )
    {% endfor -%}
