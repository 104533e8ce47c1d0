{#
    Comparison of a register document `r` with an e-invoice `e` (spec/einvoice_reconciliation.md, 1, 4 and 6.15 to 6.17).
    Amounts are magnitudes in the document's currency; `rate` is ringgit for one unit.
#}

{# Whether an identifier differs. Null TINs equal nothing, null original numbers equal null; of a group two
    count. The date of a disclosed e-invoice is that of its submission and does not count (rule 29). #}
{% macro identifier_differs(identifier, is_group=false) -%}
    {%- set key = einvoice_key(identifier) -%}
    {%- if is_group and identifier not in ('supplier_tin', 'currency_code') -%} false
    {%- elif identifier == 'document_date' -%} (coalesce(r.{{ key }} <> e.{{ key }}, true) and not e.is_disclosed)
    {%- elif identifier == 'original_document_number' -%} (r.{{ key }} is distinct from e.{{ key }})
    {%- else -%} coalesce(r.{{ key }} <> e.{{ key }}, true)
    {%- endif -%}
{%- endmacro %}

{% macro same_currency() -%} coalesce(r.currency_code_key = e.currency_code_key, false) {%- endmacro %}

{% macro in_ringgit(side, amount) -%}
    case
        when {{ side }}.rate = 1 then {{ side }}.{{ amount }}
        else cast(round({{ side }}.{{ amount }} * {{ side }}.rate, 2) as decimal(18, 2))
    end
{%- endmacro %}

{# Signed difference in MYR, each amount or difference rounded half up once; null without a rate that it needs. #}
{% macro difference_myr(amount) -%}
    case
        when {{ same_currency() }} then
            case
                when r.{{ amount }} = e.{{ amount }} then 0
                when e.rate = 1 then r.{{ amount }} - e.{{ amount }}
                else cast(sign(r.{{ amount }} - e.{{ amount }}) as integer)
                    * cast(round(abs(r.{{ amount }} - e.{{ amount }}) * e.rate, 2) as decimal(18, 2))
            end
        when r.rate is not null and e.rate is not null then {{ in_ringgit('r', amount) }} - {{ in_ringgit('e', amount) }}
        when r.{{ amount }} = 0 and e.{{ amount }} = 0 then 0
    end
{%- endmacro %}

{% macro amount_differs(amount) -%}
    case
        when {{ same_currency() }}
            then abs(r.{{ amount }} - e.{{ amount }}) > {{ field_tolerance(amount) }}
        when r.rate is not null and e.rate is not null
            then abs({{ in_ringgit('r', amount) }} - {{ in_ringgit('e', amount) }}) > {{ field_tolerance(amount) }}
        else not coalesce(r.{{ amount }} = 0 and e.{{ amount }} = 0, false)
    end
{%- endmacro %}

{% macro field_tolerance(field) -%}
    (select tolerance from {{ ref('einvoice_compared_fields') }} where compared_field = '{{ field }}')
{%- endmacro %}

{# Whether nothing differs at all, not even below a tolerance: then there is nothing to count. #}
{% macro is_alike() -%}
    {% for identifier in einvoice_identifiers() -%}
    {{ 'and' if not loop.first }} not {{ identifier_differs(identifier) }}
    {% endfor -%}
    {% for amount in einvoice_amounts() -%}
    and r.{{ amount }} = e.{{ amount }}
    {% endfor -%}
{%- endmacro %}

{# `from_clause` joins r and e. One row per pair: how many identifiers and amounts differ, and by how much. #}
{% macro compare_documents(from_clause, is_group=false, name_fields=false) %}
flags as (

    select
        {{ 'r.group_id as register_id' if is_group else 'r.register_id' }},
        e.einvoice_id,
        r.register_type,
        r.billing_month,
        {% for identifier in einvoice_identifiers() -%}
        case when {{ identifier_differs(identifier, is_group) }} then 1 else 0 end {{ '+' if not loop.last }}
        {% endfor %} as n_id,
        {{ same_currency() }} as is_same_currency,
        r.rate is not null as has_register_rate,
        e.rate is not null as has_einvoice_rate,
        {% for amount in einvoice_amounts() -%}
        case when {{ amount_differs(amount) }} then 1 else 0 end {{ '+' if not loop.last }}
        {% endfor %} as n_amt,
        {% for amount in einvoice_amounts() -%}
        abs({{ difference_myr(amount) }}) as {{ amount }}_myr,
        {% endfor -%}
        {% if name_fields -%}
        {% for identifier in einvoice_identifiers() -%}
        case when {{ identifier_differs(identifier) }} then '{{ identifier }} ' else '' end ||
        {% endfor -%}
        {% for amount in einvoice_amounts() -%}
        case when {{ amount_differs(amount) }} then '{{ amount }} ' else '' end {{ '||' if not loop.last }}
        {% endfor -%} as differing_fields,
        {% endif -%}
        abs({{ days_inclusive('e.document_date', 'r.document_date') }} - 1) as days_apart
    {{ from_clause }}

),

rated as (

    select
        *,
        case
            when is_same_currency then n_amt > 0 and not has_einvoice_rate
            else not (has_register_rate and has_einvoice_rate)
        end as is_fx_missing
    from flags

),

compared as (

    select
        register_id,
        einvoice_id,
        register_type,
        billing_month,
        n_id,
        n_amt,
        is_fx_missing,
        case when not is_fx_missing then greatest(
            {%- for amount in einvoice_amounts() %}{{ amount }}_myr{{ ', ' if not loop.last }}{% endfor -%}
        ) end as max_difference_myr,
        case when not is_fx_missing then
            {% for amount in einvoice_amounts() %}{{ amount }}_myr{{ ' + ' if not loop.last }}{% endfor %}
        end as sum_difference_myr,
        {% if name_fields -%} trim(differing_fields) as differing_fields, {% endif -%}
        days_apart
    from rated

)
{% endmacro %}

{# The bucket of a compared pair (section 4); `bands` holds the thresholds. #}
{% macro bucket_of_pair(pair) -%}
    case
        when {{ pair }}.is_fx_missing then 'Mismatch'
        when {{ pair }}.n_id = 0 and {{ pair }}.n_amt = 0 then 'Exact'
        when {{ pair }}.n_id >= 2 then 'Mismatch'
        when {{ pair }}.n_id = 1 and {{ pair }}.n_amt = 0 then 'Suggested'
        when {{ pair }}.n_id = 1 then 'Mismatch'
        when {{ pair }}.max_difference_myr > bands.high then 'Mismatch'
        when {{ pair }}.n_amt = 1 then 'Suggested'
        when {{ pair }}.max_difference_myr <= bands.low then 'Low'
        when {{ pair }}.max_difference_myr <= bands.medium then 'Medium'
        else 'High'
    end
{%- endmacro %}

{# The order in which candidates are accepted (section 3); beyond uuid, what the documents hold, then where they lie. #}
{% macro pairing_order(ids_of='') -%}
    {{ ids_of }}n_id, {{ ids_of }}n_amt, {{ ids_of }}max_difference_myr nulls last, sum_difference_myr nulls last, days_apart,
    register_date nulls last, row_reference nulls last, validated_at nulls last, uuid_key nulls last,
    register_content, einvoice_content, {{ ids_of }}register_id, {{ ids_of }}einvoice_id
{%- endmacro %}

{# Columns of a pair, whichever pass finds it. #}
{% macro pair_columns(side='') -%}
    {%- for column in [
        'register_id', 'einvoice_id', 'register_type', 'billing_month', 'n_id', 'n_amt', 'is_fx_missing',
        'max_difference_myr', 'sum_difference_myr', 'days_apart',
    ] %}
        {{ side }}{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    Greedy one-to-one acceptance of the candidates of one pass, set-based.
    Lone pairs (no rival on either side) are accepted at once. So are blocks: every register document of the block has
    the same e-invoices as candidates, they have no others, and all pairs cost the same; then the i-th meets the i-th.
    Of the others (contested) first_on_both_sides accepts.
#}
{% macro accepted_pairs(candidates) %}
{{ with_rounds() }} candidates as (

    select * from {{ candidates }}

),

by_register as (

    select register_id, count(*) as pair_count from candidates group by register_id having count(*) > 1

),

by_einvoice as (

    select einvoice_id, count(*) as pair_count from candidates group by einvoice_id having count(*) > 1

),

counted as (

    select
        candidates.*,
        coalesce(by_register.pair_count, 1) as register_pairs,
        coalesce(by_einvoice.pair_count, 1) as einvoice_pairs
    from candidates
    left join by_register on candidates.register_id = by_register.register_id
    left join by_einvoice on candidates.einvoice_id = by_einvoice.einvoice_id
    where by_register.register_id is not null or by_einvoice.einvoice_id is not null

),

rivals as (

    select
        counted.*,
        registers.document_date as register_date,
        registers.row_reference,
        einvoices.validated_at,
        einvoices.uuid_key,
        {{ register_content('registers') }} as register_content,
        {{ einvoice_content('einvoices') }} as einvoice_content,
        count(*) over (
            partition by counted.register_id, n_id, n_amt, max_difference_myr
        ) + count(*) over (
            partition by counted.einvoice_id, n_id, n_amt, max_difference_myr
        ) > 2 as is_ambiguous,
        min(counted.einvoice_id) over (partition by counted.register_id) as block
    from counted
    inner join {{ ref('int_einvoices__unsettled_registers') }} as registers on counted.register_id = registers.register_id
    inner join {{ ref('int_einvoices__unsettled_einvoices') }} as einvoices on counted.einvoice_id = einvoices.einvoice_id

),

blocks as (

    select block
    from rivals
    group by block
    having
        count(*) = count(distinct register_id) * count(distinct einvoice_id)
        and max(einvoice_pairs) = count(distinct register_id)
        and min(n_id) = max(n_id)
        and min(n_amt) = max(n_amt)
        and min(coalesce(max_difference_myr, -1)) = max(coalesce(max_difference_myr, -1))
        and min(coalesce(sum_difference_myr, -1)) = max(coalesce(sum_difference_myr, -1))
        and min(days_apart) = max(days_apart)

),

in_blocks as (

    select
        rivals.*,
        dense_rank() over (
            partition by rivals.block
            order by register_date nulls last, row_reference nulls last, register_content, register_id
        ) as register_rank,
        dense_rank() over (
            partition by rivals.block
            order by validated_at nulls last, uuid_key nulls last, einvoice_content, einvoice_id
        ) as einvoice_rank
    from rivals
    inner join blocks on rivals.block = blocks.block

),

contested as (

    select
        rivals.register_id,
        rivals.einvoice_id,
        rivals.register_type,
        row_number() over (order by {{ pairing_order() }}) as position
    from rivals
    left join blocks on rivals.block = blocks.block
    where blocks.block is null

),

rounds as (

    {{ first_on_both_sides() }}

),

accepted as (

    select register_id, einvoice_id from rounds where is_accepted
    union all
    select register_id, einvoice_id from in_blocks where register_rank = einvoice_rank

),

final as (

    select
        {{ pair_columns() }},
        1 as candidate_count,
        false as is_ambiguous
    from candidates
    where
        not exists (select 1 from by_register where by_register.register_id = candidates.register_id)
        and not exists (select 1 from by_einvoice where by_einvoice.einvoice_id = candidates.einvoice_id)
    union all
    select
        {{ pair_columns('rivals.') }},
        register_pairs + einvoice_pairs - 1 as candidate_count,
        is_ambiguous
    from rivals
    inner join accepted on rivals.register_id = accepted.register_id and rivals.einvoice_id = accepted.einvoice_id

)

select * from final
{% endmacro %}

{% macro with_rounds() -%} {{ return(adapter.dispatch('with_rounds')()) }} {%- endmacro %}
{% macro duckdb__with_rounds() -%} with recursive {%- endmacro %}
{% macro default__with_rounds() -%} with {%- endmacro %}

{# "First on both sides", repeated until none is left: a recursion over rounds, not over documents. #}
{% macro first_on_both_sides() -%}
    {{ return(adapter.dispatch('first_on_both_sides')()) }}
{%- endmacro %}

{% macro duckdb__first_on_both_sides() -%}
    select
        register_id,
        einvoice_id,
        position,
        position = min(position) over (partition by register_id)
        and position = min(position) over (partition by einvoice_id) as is_accepted
    from contested

    union all

    select
        register_id,
        einvoice_id,
        position,
        position = min(position) over (partition by register_id)
        and position = min(position) over (partition by einvoice_id) as is_accepted
    from (
        select
            *,
            max(case when is_accepted then 1 else 0 end) over (partition by register_id) as register_taken,
            max(case when is_accepted then 1 else 0 end) over (partition by einvoice_id) as einvoice_taken
        from rounds
    ) as open_pairs
    where register_taken = 0 and einvoice_taken = 0
{%- endmacro %}

{#
    Spark 3.5 knows no recursion, and that of Spark 4 allows no aggregate. So a fixed number of rounds, by as many tasks as
    there are partitions, and of what they leave, which is little unless many documents wait for each other in a row, one
    task per register type goes through the pairs in order: each is accepted whose register document and e-invoice are
    both still free. That is what further rounds would accept. The levels are such that two windows share a partitioning.
#}
{% macro default__first_on_both_sides() -%}
    {%- set rounds = 6 -%}
    with marked_0 as (

        {{ marked_first('contested') }}

    ),

    {% for round in range(1, rounds) -%}
    marked_{{ round }} as (

        {{ marked_first('(' ~ left_open('marked_' ~ (round - 1)) ~ ') as left_open') }}

    ),

    {% endfor -%}
    left_over as (

        {{ left_open('marked_' ~ (rounds - 1)) }}

    )

    select pair.register_id, pair.einvoice_id, true as is_accepted
    from (
        select
            explode(aggregate(
                array_sort(collect_list(struct(position, register_id, einvoice_id))),
                cast(array() as array<struct<position: int, register_id: bigint, einvoice_id: bigint>>),
                (taken, next) -> if(
                    exists(taken, t -> t.register_id = next.register_id or t.einvoice_id = next.einvoice_id),
                    taken,
                    array_append(taken, next)
                )
            )) as pair
        from left_over
        group by register_type, case when is_first then position end
    ) as accepted_in_order
{%- endmacro %}

{# The pairs of a round, and which of them are first on both sides. #}
{% macro marked_first(pairs) -%}
select
    register_id, einvoice_id, register_type, position,
    is_first_of_register and position = min(position) over (partition by einvoice_id) as is_first
from (
    select *, position = min(position) over (partition by register_id) as is_first_of_register from {{ pairs }}
) as of_registers
{%- endmacro %}

{# What a round leaves: the pairs that it accepts, which stay first of their documents, and those of free documents. #}
{% macro left_open(marked) -%}
select register_id, einvoice_id, register_type, position, is_first
from (
    select *, max(is_first) over (partition by register_id) as is_register_taken
    from (select *, max(is_first) over (partition by einvoice_id) as is_einvoice_taken from {{ marked }}) as of_einvoices
) as of_both
where is_first or not (is_register_taken or is_einvoice_taken)
{%- endmacro %}

{# Unsettled documents that take part in a pass: what the passes before have left, as `r` and `e`. #}
{% macro open_documents(taken) %}
r as (

    select *
    from {{ ref('int_einvoices__unsettled_registers') }} as documents
    where
        true
        {% for pairs in taken -%}
        and not exists (select 1 from {{ ref(pairs) }} as taken where taken.register_id = documents.register_id)
        {% endfor %}

),

e as (

    select *
    from {{ ref('int_einvoices__unsettled_einvoices') }} as documents
    where
        participation = 'takes_part'
        {% for pairs in taken -%}
        and not exists (select 1 from {{ ref(pairs) }} as taken where taken.einvoice_id = documents.einvoice_id)
        {% endfor %}

)
{% endmacro %}

{# The e-invoices that a register document may meet: its folder's month, widened by 31 days on either side (6.1). #}
{% macro in_window() -%} e.document_date between r.window_start and r.window_end {%- endmacro %}

{# Whether an e-invoice is dated within the time that a register document stays open for it (rule 28). #}
{% macro in_open_time() -%}
    e.document_date between r.document_date and {{ add_months('r.document_date', var('open_item_months')) }}
{%- endmacro %}

{# CTEs: the months that are closed, and the e-invoices that these show, missing or in pairs across months (rule 28). #}
{% macro closed_months() -%}
closed as (

    {% for month in var('closed_months') -%}
    select {{ month_start(month) }} as billing_month
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select cast(null as date) as billing_month where false
    {%- endfor %}

),

shown as (

    select distinct * from {{ source('raw', 'closed_einvoices') }}

)
{%- endmacro %}

{#
    Register rows that e-invoices take as groups: the `choices` with choice 1. Rows that a disclosed e-invoice takes are not
    made into a group as long as a closed month stands against it, by one of its rows or by showing it as missing.
#}
{% macro members_of_groups() -%}
members as (

    select
        choices.register_id,
        choices.einvoice_id,
        r.billing_month,
        e.is_disclosed,
        e.billing_month as einvoice_month,
        e.uuid,
        e.document_number,
        e.supplier_tin
    from choices
    inner join r on choices.register_id = r.register_id
    inner join e on choices.einvoice_id = e.einvoice_id
    where choices.choice = 1

),

{{ closed_months() }},

held_back as (

    select distinct members.einvoice_id
    from members
    left join closed on members.billing_month = closed.billing_month
    {{ join_shown('members', 'billing_month') }}
    where
        members.is_disclosed
        and (missing.billing_month is not null or (closed.billing_month is not null and paired.billing_month is null))

)

select
    members.register_id,
    members.einvoice_id,
    held_back.einvoice_id is null as is_made
from members
left join held_back on members.einvoice_id = held_back.einvoice_id
{%- endmacro %}

{# `paired` and `missing`: how closed months show the e-invoice of `documents`, the month of the register document and its own. #}
{% macro join_shown(documents, register_month) -%}
{% for name, month, is_paired in [('paired', register_month, 'true'), ('missing', 'einvoice_month', 'false')] -%}
left join shown as {{ name }}
    on
        {{ name }}.is_paired = {{ is_paired }}
        and {{ documents }}.{{ month }} = {{ name }}.billing_month
        and {{ documents }}.document_number = {{ name }}.document_number
        and {{ documents }}.uuid is not distinct from {{ name }}.uuid
        and {{ documents }}.supplier_tin is not distinct from {{ name }}.supplier_tin
{% endfor %}
{%- endmacro %}

{# Whether people leave two documents to the passes: neither is in a pair of theirs, and they did not part the two. #}
{% macro not_decided() -%}
    not exists (
        select 1 from {{ ref('int_einvoices__manual') }} as made
        where made.action = 'pair' and made.register_id = r.register_id
    )
    and not exists (
        select 1 from {{ ref('int_einvoices__manual') }} as made
        where made.action = 'pair' and made.einvoice_id = e.einvoice_id
    )
    and not exists (
        select 1 from {{ ref('int_einvoices__manual') }} as made
        where made.action = 'unpair' and made.register_id = r.register_id and made.einvoice_id = e.einvoice_id
    )
{%- endmacro %}

{# Matches of a pass that are alike in everything, with no other match of either document: there is nothing to count. #}
{% macro alike_without_rivals(matches) -%}
select matches.register_id, matches.einvoice_id, matches.register_type, matches.billing_month
from {{ matches }} as matches
{% for id in ['register_id', 'einvoice_id'] -%}
left join (select {{ id }} from {{ matches }} group by {{ id }} having count(*) > 1) as rivals_by_{{ id }}
    on matches.{{ id }} = rivals_by_{{ id }}.{{ id }}
{% endfor -%}
where is_alike and rivals_by_register_id.register_id is null and rivals_by_einvoice_id.einvoice_id is null
{%- endmacro %}

{# The matches of unsettled documents that the passes in `taken` have left, compared. #}
{% macro matches_compared(matches, taken) -%}
with
{{ open_documents(taken) }},

matches as (

    select register_id, einvoice_id from {{ matches }}

),

{{ compare_documents(
    "from matches inner join r on matches.register_id = r.register_id inner join e on matches.einvoice_id = e.einvoice_id"
) }}

select {{ pair_columns() }} from compared
{%- endmacro %}

{# What a pass asks of two documents. Equal values only, so each is a join on keys. #}
{% macro meets_key() -%}
    r.register_type = e.register_type
    and r.supplier_tin_key = e.supplier_tin_key
    and r.document_number_key = e.document_number_key
    and r.document_type_key = e.document_type_key
    and year(r.document_date) = year(e.document_date)
{%- endmacro %}

{% macro meets_number() -%}
    r.register_type = e.register_type
    and r.loose_number = e.loose_number
    and r.counterparty_tin_key = e.counterparty_tin_key
{%- endmacro %}

{# Without a rate, amounts in different currencies are equal only when both are 0. #}
{% macro ringgit_key(side, amount) -%}
    case
        when {{ side }}.rate is not null then {{ in_ringgit(side, amount) }} when {{ side }}.{{ amount }} = 0 then 0
    end
{%- endmacro %}

{# Pass-1 key as text, for keys that are published. #}
{% macro pass_one_key(side) -%}
    coalesce({{ side }}.supplier_tin_key, '') || '|' || {{ side }}.document_number_key || '|'
    || {{ side }}.document_type_key || '|' || cast(year({{ side }}.document_date) as string)
{%- endmacro %}

{# The key of a row (6.25), before rows that it cannot tell apart are numbered. #}
{% macro register_row_key(side) -%}
    {{ sha256_hex("'einvoice|' || " ~ side ~ ".register_type || '|register|' || " ~ pass_one_key(side) ~ " || '|' || coalesce(" ~ side ~ ".row_reference, '')") }}
{%- endmacro %}

{% macro einvoice_row_key(side) -%}
    {{ sha256_hex("'einvoice|' || " ~ side ~ ".register_type || '|einvoice|' || coalesce(" ~ side ~ ".uuid_key, " ~ pass_one_key(side) ~ ")") }}
{%- endmacro %}

{# reconciliation_key of a row with both sides left-joined and its number among its equals, if it has any. #}
{% macro einvoice_reconciliation_key(registers, einvoices, repeated) -%}
    coalesce(
        {{ repeated }}.reconciliation_key,
        case
            when {{ registers }}.register_id is not null then {{ register_row_key(registers) }}
            else {{ einvoice_row_key(einvoices) }}
        end
    )
{%- endmacro %}

{# Which in time of the e-invoices `e` that would take the register document `r`: a row of a group goes to the first. #}
{% macro earliest_einvoice() -%}
    row_number() over (
        partition by r.register_id
        order by e.validated_at nulls last, e.uuid_key nulls last, {{ einvoice_content('e') }}, e.einvoice_id
    )
{%- endmacro %}
