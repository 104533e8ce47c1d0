-- What was open, came and left makes what is open; and what is open is the next month's opening, in every age class.
with sums as (

    select
        billing_month,
        register_type,
        currency,
        sum(case step when 'opening' then row_count when 'new' then row_count when 'closing' then 0 else -row_count end) as count_made,
        sum(case step when 'opening' then amount when 'new' then amount when 'closing' then 0 else -amount end) as amount_made,
        sum(case step when 'closing' then row_count else 0 end) as closing_count,
        sum(case step when 'closing' then amount else 0 end) as closing_amount
    from {{ ref('open_items') }}
    group by billing_month, register_type, currency

),

openings as (

    select * from {{ ref('open_items') }}
    where step = 'opening'

),

-- Of months whose next one is in the build too.
closings as (

    select
        {{ add_months('items.billing_month', 1) }} as next_month,
        items.*
    from {{ ref('open_items') }} as items
    inner join {{ ref('int_einvoices__periods') }} as periods
        on {{ add_months('items.billing_month', 1) }} = periods.billing_month
    where items.step = 'closing'

),

before as (

    select openings.*
    from openings
    inner join {{ ref('int_einvoices__periods') }} as periods
        on {{ add_months('openings.billing_month', -1) }} = periods.billing_month

)

select billing_month, register_type, currency, cast(null as string) as age_class
from sums
where count_made <> closing_count or amount_made <> closing_amount
union all
select
    coalesce(before.billing_month, closings.next_month) as billing_month,
    coalesce(before.register_type, closings.register_type) as register_type,
    coalesce(before.currency, closings.currency) as currency,
    coalesce(before.age_class, closings.age_class) as age_class
from before
full outer join closings
    on
        before.billing_month = closings.next_month
        and before.register_type = closings.register_type
        and before.currency = closings.currency
        and before.age_class = closings.age_class
where
    coalesce(before.row_count, 0) <> coalesce(closings.row_count, 0)
    or coalesce(before.amount, 0) <> coalesce(closings.amount, 0)
