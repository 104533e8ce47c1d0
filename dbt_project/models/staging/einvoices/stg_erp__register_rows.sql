-- One row per row of the registers, as loaded, with its number.
{% for kind in ['sales', 'purchase'] -%}
select
    '{{ kind }}' as register_type,
    files.file_number * 4294967296 + loaded.source_row as register_id,
    loaded.*
from {{ source('raw', 'erp_' ~ kind ~ '_register') }} as loaded
inner join {{ ref('stg_einvoices__files') }} as files on loaded.source_file = files.source_file
{% if not loop.last %}union all{% endif %}
{% endfor %}
