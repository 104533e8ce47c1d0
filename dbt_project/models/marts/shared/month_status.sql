{%- set subjects = var('subjects') -%}
with counts as (

    {% for subject in subjects -%}
        select
            '{{ subject }}' as reconciliation,
            counts_{{ loop.index }}.*
        from {{ ref('int_' ~ subject ~ '__month_status') }} as counts_{{ loop.index }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

windows as (

    {% for subject in subjects -%}
        select
            '{{ subject }}' as reconciliation,
            window_{{ loop.index }}.*
        from {{ ref('int_' ~ subject ~ '__window') }} as window_{{ loop.index }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- Cast before they meet: of 38 digits with two places and with twelve DuckDB makes two places, and rounds.
control_totals as (

    {% for subject in subjects -%}
        select
            billing_month,
            '{{ subject }}' as reconciliation,
            side,
            selection,
            currency,
            row_count,
            cast(amount as decimal(38, 6)) as amount,
            cast(period_amount as decimal(38, 6)) as period_amount
        from {{ ref('int_' ~ subject ~ '__control_totals') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

sources as (

    select
        billing_month,
        reconciliation,
        case
            when max(case when required and month_offset = 0 and not is_present {{ and_does_not_wait() }} then 1 else 0 end) = 1
                then 'incomplete'
            when max(case when required and not is_present then 1 else 0 end) = 1 then 'provisional'
            else 'final'
        end as window_status,
        {{ sorted_join("case when is_present then source || ' ' || " ~ month_text('source_month') ~ " || ': ' || source_files end", '; ') }}
            as sources_present,
        {{ sorted_join("case when not is_present then source || ' ' || " ~ month_text('source_month') ~ " || case when required then '' else ' (optional)' end end", '; ') }}
            as sources_missing
    from windows
    group by billing_month, reconciliation

),

totals as (

    select
        billing_month,
        reconciliation,
        {{ sorted_join("side || ' ' || selection || ' ' || currency || ': ' || cast(row_count as string) || ' rows, ' || cast(amount as string) || coalesce(', in the month ' || cast(period_amount as string), '')", '; ') }}
            as control_totals
    from control_totals
    group by billing_month, reconciliation

),

final as (

    select
        counts.billing_month,
        counts.reconciliation,
        {{ sha256_hex("'month|' || counts.reconciliation || '|' || " ~ month_text('counts.billing_month')) }}
            as reconciliation_key,
        sources.window_status,
        sources.sources_present,
        sources.sources_missing,
        cast(null as bigint) as checks_passed,
        cast(null as bigint) as checks_failed,
        cast(counts.left_rows_in as bigint) as left_rows_in,
        cast(counts.left_rows_selected as bigint) as left_rows_selected,
        cast(counts.left_rows_out_of_selection as bigint) as left_rows_out_of_selection,
        cast(counts.left_rows_out_of_scope as bigint) as left_rows_out_of_scope,
        cast(counts.left_rows_quarantined as bigint) as left_rows_quarantined,
        cast(counts.right_rows_in as bigint) as right_rows_in,
        cast(counts.right_rows_selected as bigint) as right_rows_selected,
        cast(counts.right_rows_out_of_selection as bigint) as right_rows_out_of_selection,
        cast(counts.right_rows_out_of_scope as bigint) as right_rows_out_of_scope,
        cast(counts.right_rows_quarantined as bigint) as right_rows_quarantined,
        cast(counts.paired_count as bigint) as paired_count,
        cast(counts.missing_count as bigint) as missing_count,
        totals.control_totals,
        nullif('{{ var("decisions_file") }}', '') as decisions_snapshot,
        {{ publication_columns() }}
    from counts
    inner join sources
        on counts.billing_month = sources.billing_month and counts.reconciliation = sources.reconciliation
    left join totals
        on counts.billing_month = totals.billing_month and counts.reconciliation = totals.reconciliation

)

select * from final
