{{ config(materialized='view') }}
select
    {# The columns of the contract but those that follow. -#}
    {% for column in model.columns if column not in ['published_at', 'run_id'] -%}
    {{ column }},
    {% endfor -%}
    {{ publication_columns() }}
from {{ ref('int_einvoices__shown') }}
