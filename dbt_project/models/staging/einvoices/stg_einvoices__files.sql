{{ config(materialized='table') }}
-- A number for every file, by its name. With the row's place it numbers the documents of both sides without sorting
-- them; only between documents that are alike does the order decide.
{% set sources = ['erp_sales_register', 'erp_purchase_register', 'einvoices'] -%}
with distinct_files as (

    {% for name in sources -%}
    select distinct source_file from {{ source('raw', name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select source_file, row_number() over (order by source_file) as file_number from distinct_files
