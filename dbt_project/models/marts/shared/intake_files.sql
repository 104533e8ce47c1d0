with files as (

    select * from {{ source('raw', 'intake_files') }}

),

windows as (

    select distinct
        subject,
        source
    from {{ ref('source_windows') }}
    where subject in ('{{ var("subjects") | join("', '") }}')
    -- What is only shown has files too.
    {% for subject in var("subjects") %}{% for source in shown_sources()[subject] -%}
        union all
        select
            '{{ subject }}',
            '{{ source }}'
    {% endfor %}{% endfor %}

),

-- By hand, without target months, every landed month.
final as (

    select
        cast(files.month || '-01' as date) as billing_month,
        windows.subject as reconciliation,
        {{ sha256_hex("'intake|' || files.source || '|' || files.month || '|' || files.source_file") }}
            as reconciliation_key,
        files.source,
        files.source_file,
        files.taken_as,
        files.row_count,
        files.rejected_count,
        files.ignored_count,
        files.ignored,
        files.set_aside,
        files.control_totals,
        files.assumptions,
        files.warnings,
        {{ publication_columns() }}
    from files
    inner join windows on files.source = windows.source
    where files.month in ('{{ target_months() | join("', '") }}')

)

select * from final
