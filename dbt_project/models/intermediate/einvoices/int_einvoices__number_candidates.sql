-- Pass 2: same loose number and counterparty.
with r as (

    select * from {{ ref('int_einvoices__open_registers') }}

),

e as (

    select * from {{ ref('int_einvoices__open_einvoices') }}

),

{{ compare_documents("from r inner join e on " ~ meets_number() ~ " and " ~ in_window()) }}

select {{ pair_columns() }} from compared
