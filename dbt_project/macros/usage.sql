{# An id as usage is compared by: trimmed, lower case, without a trailing slash; empty and the all-zero GUID are null (rule 6). #}
{% macro usage_id(column) -%}
    {%- set plain = 'lower(' ~ trimmed(column) ~ ')' -%}
    {%- set bare = 'case when ' ~ plain ~ " like '%/' then substr(" ~ plain ~ ', 1, length(' ~ plain ~ ') - 1) else ' ~ plain ~ ' end' -%}
    nullif(nullif({{ bare }}, ''), '00000000-0000-0000-0000-000000000000')
{%- endmacro %}

{# An Azure subscription: FOCUS writes it as a resource id (rule 6). #}
{% macro azure_subscription_id(column) -%}
    {%- set bare = usage_id(column) -%}
    nullif(nullif(case when {{ bare }} like '/subscriptions/%' then substr({{ bare }}, 16) else {{ bare }} end, ''),
        '00000000-0000-0000-0000-000000000000')
{%- endmacro %}

{# The texts that a variation has of its grid row: those of the grain first. #}
{% macro usage_grid_texts() -%}
    {{ return([
        'comparison', 'invoice_number', 'azure_subscription_id', 'currency', 'meter_id', 'meter_name', 'meter_category',
        'meter_subcategory', 'meter_region',
    ]) }}
{%- endmacro %}

{# Stable key of a usage row: SHA-256 of usage|YYYY-MM|comparison|invoice|subscription|currency|further columns. #}
{% macro usage_key(further=[], kind='usage') -%}
    {%- set parts = ['comparison', "coalesce(invoice_number, '')", "coalesce(azure_subscription_id, '')", 'currency'] -%}
    {%- for column in further %}{% do parts.append("coalesce(cast(" ~ column ~ " as string), '')") %}{% endfor -%}
    {{ sha256_hex("'" ~ kind ~ "|' || " ~ month_text('billing_month') ~ " || '|' || " ~ parts | join(" || '|' || ")) }}
{%- endmacro %}

{# min(max(u, lines x u x factor), cap x u): largest absolute difference that is still a match (5). #}
{% macro usage_tolerance(minor_unit, lines) -%}
    cast(least(
        greatest({{ minor_unit }}, {{ lines }} * {{ minor_unit }} * cast({{ var('usage_tolerance_factor') }} as decimal(18, 6))),
        cast({{ var('usage_tolerance_cap') }} as decimal(18, 6)) * {{ minor_unit }}
    ) as decimal(38, 12))
{%- endmacro %}

{# Whether the quantities of a row agree: within a millionth per line of the side that has more. #}
{% macro equal_quantities() -%}
    abs(cost_quantity - usage_quantity) <= cast(0.000001 as decimal(38, 12)) * greatest(usage_line_count, cost_line_count)
{%- endmacro %}

{# The verdict of a row on its own numbers, without currency and category moves, which are known only of the grid. #}
{% macro usage_status() -%}
    case
        when usage_line_count = 0 and cost_line_count = 0 then 'matched'
        when cost_line_count = 0 then 'missing_in_cost'
        when usage_line_count = 0 then 'missing_in_usage'
        when abs(cost_amount - usage_amount) <= tolerance and {{ equal_quantities() }} then 'matched'
        else 'mismatched'
    end
{%- endmacro %}

{# Whether a rejected record of `rejected` (int_usage__rejected) concerns the invoice and subscription of a row. #}
{% macro concerned_by(rejected, row) -%}
    {{ row }}.billing_month = {{ rejected }}.billing_month
    and {{ row }}.azure_subscription_id is not distinct from {{ rejected }}.azure_subscription_id
    and ({{ rejected }}.comparison is null or {{ row }}.comparison = {{ rejected }}.comparison)
    and ({{ rejected }}.invoice_number is null or {{ row }}.invoice_number in ({{ rejected }}.invoice_number, 'unassigned'))
{%- endmacro %}

{#
    The first explanation that holds of a row's own numbers (5); expects status, minor_unit, is_restated and
    has_rejected_records.
#}
{% macro usage_explanation() -%}
    case
        when status in ('missing_in_cost', 'missing_in_usage') and usage_amount = 0 and cost_amount = 0 then 'zero_amount'
        when status in ('missing_in_cost', 'missing_in_usage') then 'missing_side'
        when
            {{ equal_quantities() }}
            and abs(cost_amount - usage_amount) <= greatest(usage_line_count, cost_line_count) * minor_unit
            then 'rounding'
        when
            not ({{ equal_quantities() }}) and usage_quantity <> 0 and cost_quantity <> 0
            and abs(
                cast(cost_amount as double) * cast(usage_quantity as double)
                - cast(usage_amount as double) * cast(cost_quantity as double)
            ) <= 0.001 * abs(cast(usage_amount as double) * cast(cost_quantity as double))
            then 'quantity'
        when {{ equal_quantities() }} then 'price'
        when abs(cost_amount - usage_amount) <= tolerance then 'unit'
        when is_restated then 'restated'
        when has_rejected_records then 'rejected_records'
        else 'unexplained'
    end
{%- endmacro %}

{# Whether a price difference is just this amount, and more than rounding: equal quantities, within a minor unit per line. #}
{% macro is_price_of(amount) -%}
    status = 'mismatched' and {{ equal_quantities() }}
            and abs(cost_amount - usage_amount) > greatest(usage_line_count, cost_line_count) * minor_unit
            and abs(cost_amount - usage_amount - ({{ amount }})) <= greatest(usage_line_count, cost_line_count) * minor_unit
{%- endmacro %}

{# Whether a line of billed usage lacks the partner earned credit; a line that says nothing of it does not. #}
{% macro has_no_credit() -%} coalesce(lower({{ trimmed('credit_type') }}) = 'credit not applied', false) {%- endmacro %}

{# The rate of the credit as a part of 1, whether written as 0.15 or as 15. #}
{% macro credit_rate(rate) -%} case when {{ rate }} > 1 then cast({{ rate }} / 100 as decimal(38, 12)) else {{ rate }} end {%- endmacro %}

{#
    100 x part / abs(whole), exact, rounded half away from zero at 12 decimals; null when the whole is 0. Neither has more than
    `decimals`. DuckDB takes 9 microseconds for the divisions of 38 digits, so that of amounts with up to 15 the twelve
    decimals are found three at a time in 64 bits; below 2^51 a whole number survives being a DOUBLE and back.
#}
{% macro exact_percent(part, whole, decimals=12) -%}
    {{ return(adapter.dispatch('exact_percent')(part, whole, decimals)) }}
{%- endmacro %}

{% macro duckdb__exact_percent(part, whole, decimals=12) -%}
    {%- set most = 2 * 10 ** (15 - decimals) -%}
    {%- set small = {
        'v': 'cast(cast(abs(' ~ part ~ ') as double) * ' ~ 10 ** decimals ~ ' as bigint) * 100',
        'u': 'cast(cast(abs(' ~ whole ~ ') as double) * ' ~ 10 ** decimals ~ ' as bigint)',
    } -%}
    {%- set found = namespace(rest=small.v ~ ' % ' ~ small.u, digits='0') -%}
    {%- for _ in range(4) -%}
    {%- set found.digits = '(' ~ found.digits ~ ') * 1000 + (' ~ found.rest ~ ') * 1000 // ' ~ small.u -%}
    {%- set found.rest = '(' ~ found.rest ~ ') * 1000 % ' ~ small.u -%}
    {%- endfor -%}
    {%- set v = 'cast(abs(' ~ part ~ ') * 1000000000000 as hugeint) * 100' -%}
    {%- set u = 'cast(abs(' ~ whole ~ ') * 1000000000000 as hugeint)' -%}
    case when {{ whole }} = 0 then null when {{ part }} = 0 then cast(0 as decimal(38, 12))
    when abs({{ part }}) < {{ most }} and abs({{ whole }}) < {{ most }} then cast(
        sign({{ part }}) * (
            cast({{ small.v }} // {{ small.u }} as decimal(20, 0))
            + ({{ found.digits }} + case when ({{ found.rest }}) * 2 >= {{ small.u }} then 1 else 0 end)
            * cast(0.000000000001 as decimal(13, 12))
        ) as decimal(38, 12)
    ) else cast(
        sign({{ part }}) * (
            cast(({{ v }}) // ({{ u }}) as decimal(26, 0))
            + cast(((({{ v }}) % ({{ u }})) * 2000000000000 + ({{ u }})) // (2 * ({{ u }})) as decimal(13, 0))
            * cast(0.000000000001 as decimal(13, 12))
        ) as decimal(38, 12)
    ) end
{%- endmacro %}

{% macro default__exact_percent(part, whole, decimals=12) -%}
    {%- set v = '(cast(abs(' ~ part ~ ') * 1000000000000 as decimal(38, 0)) * 100)' -%}
    {%- set u = 'cast(abs(' ~ whole ~ ') * 1000000000000 as decimal(38, 0))' -%}
    {%- set u_small = 'cast(' ~ u ~ ' as decimal(19, 0))' -%}
    {%- set rest = '((' ~ v ~ ' % ' ~ u ~ ') * cast(2000000000000 as decimal(13, 0)) + ' ~ u ~ ')' -%}
    case when {{ whole }} = 0 then null when {{ part }} = 0 then cast(0 as decimal(38, 12)) else cast(
        case when {{ part }} < 0 then -1 else 1 end * (
            cast(
                case
                    when {{ u }} < 10000000000000000000 then {{ whole_quotient(v, u_small) }}
                    else {{ whole_quotient(v, u) }}
                end as decimal(26, 0)
            )
            + cast({{ whole_quotient(rest, '(2 * ' ~ u ~ ')') }} as decimal(13, 0)) * cast(0.000000000001 as decimal(13, 12))
        ) as decimal(38, 12)
    ) end
{%- endmacro %}

{# Rows of a raw table that belong to the months to reconcile. #}
{% macro in_target_months() -%}
    billing_month in ({% for month in target_months('usage') %}{{ month_start(month) }}{{ ', ' if not loop.last }}{% else %}cast(null as date){% endfor %})
{%- endmacro %}

{# The keys of billed usage as they are compared, from the columns of its file (their names may have a prefix). #}
{% macro usage_line_keys(prefix='') -%}
    {{ trimmed(prefix ~ 'invoice_number') }} as invoice_number,
        {{ usage_id(prefix ~ 'customer_id') }} as customer_id,
        {{ azure_subscription_id(prefix ~ 'entitlement_id') }} as azure_subscription_id,
        {{ usage_id(prefix ~ 'meter_id') }} as meter_id,
        upper({{ prefix }}currency) as currency
{%- endmacro %}

{# The same of cost lines. #}
{% macro cost_line_keys(prefix='') -%}
    {{ stated(prefix ~ 'invoice_id') }} as own_invoice_number,
        {{ usage_id(prefix ~ 'customer_id') }} as customer_id,
        {{ azure_subscription_id(prefix ~ 'subscription_id') }} as azure_subscription_id,
        {{ usage_id(prefix ~ 'meter_id') }} as meter_id,
        upper({{ prefix }}currency) as currency
{%- endmacro %}

{# What a cost line is: usage, rounding (adjustments, which FOCUS calls Adjustment) or other (rules 4 and 5). #}
{% macro cost_scope() -%}
    case
            when comparison = 'focus' and lower(charge_type) = 'usage'
                then case when lower(coalesce(commitment_discount_status, '')) = 'unused' then 'other' else 'usage' end
            when comparison = 'focus' and lower(charge_type) = 'adjustment' then 'rounding'
            when lower(charge_type) = 'usage' then 'usage'
            when lower(charge_type) = 'roundingadjustment' then 'rounding'
            else 'other'
        end
{%- endmacro %}

{#
    Whether `lines` of a side have the keys of `cells` (int_usage__usage_cells, int_usage__cost_cells) as the files spell them;
    nulls are equal. DuckDB compares one number made of them: comparing five to eight texts took longer than the sums. If two
    keys had the same number, their lines would count twice, and usage_sums_are_those_of_the_lines would fail.
#}
{% macro same_spelling(side) -%}
    {%- set spelled = {
        'usage': ['invoice_number', 'customer_id', 'entitlement_id', 'currency', 'meter_id'],
        'cost': [
            'invoice_id', 'customer_id', 'subscription_id', 'currency', 'meter_id', 'charge_type', 'commitment_discount_status',
        ],
    }[side] -%}
    {{ return(adapter.dispatch('same_spelling')(['billing_month'] + (['comparison'] if side == 'cost' else []), spelled)) }}
{%- endmacro %}

{% macro duckdb__same_spelling(plain, spelled) -%}
    hash(lines.{{ (plain + spelled) | join(', lines.') }})
    = hash(cells.{{ plain | join(', cells.') }}, cells.spelled_{{ spelled | join(', cells.spelled_') }})
{%- endmacro %}

{% macro default__same_spelling(plain, spelled) -%}
    {% for column in plain %}lines.{{ column }} = cells.{{ column }} and {% endfor -%}
    {% for column in spelled %}lines.{{ column }} is not distinct from cells.spelled_{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# A text that is not blank, without blanks around it. #}
{% macro stated(text) -%} nullif({{ trimmed(text) }}, '') {%- endmacro %}

{# The lines behind the grid with the number of their grid row, rounding adjustments included; what one side lacks is 0. #}
{% macro usage_variation_lines(condition='true') %}
select
    cells.grid_id, lines.usage_date, {{ usage_id('lines.resource_uri') }} as resource_id,
    lines.quantity as usage_quantity, lines.billing_pre_tax_total as usage_amount, 1 as usage_line_count,
    cast(0 as decimal(38, 12)) as cost_quantity, cast(0 as decimal(38, 12)) as cost_amount, 0 as cost_line_count,
    cast(0 as decimal(38, 12)) as rounding_adjustment_amount, 0 as is_retail
from {{ source('raw', 'azure_invoice_usage') }} as lines
inner join {{ ref('int_usage__usage_cells') }} as cells on {{ same_spelling('usage') }}
where lines.{{ in_target_months() }} and {{ condition }}
union all
select
    cells.grid_id, lines.usage_date, {{ usage_id('lines.resource_id') }},
    0, 0, 0,
    case when cells.scope = 'usage' then lines.quantity else 0 end,
    case when cells.scope = 'usage' then lines.cost else 0 end,
    case when cells.scope = 'usage' then 1 else 0 end,
    case when cells.scope = 'rounding' then lines.cost else 0 end,
    case when lines.price_basis = 'retail' then 1 else 0 end
from {{ source('raw', 'azure_cost_export') }} as lines
inner join {{ ref('int_usage__cost_cells') }} as cells on {{ same_spelling('cost') }}
where lines.{{ in_target_months() }} and {{ condition }}
{% endmacro %}

{#
    `relation`, whose rows are grouped or numbered by `key` and further columns: Spark moves all rows of a key to one task first
    and then sorts them once, where it would sort them before and after.
#}
{% macro brought_together(relation, key) -%}
    {{ return(adapter.dispatch('brought_together')(relation, key)) }}
{%- endmacro %}

{% macro duckdb__brought_together(relation, key) -%} {{ relation }} {%- endmacro %}
{% macro default__brought_together(relation, key) -%}
    (select * from {{ relation }} distribute by {{ key | join(', ') }}) as {{ relation }}
{%- endmacro %}
