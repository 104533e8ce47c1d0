-- Pass 2: same loose number and counterparty.
with
{{ open_documents(['int_einvoices__manual_pairs', 'int_einvoices__consolidated', 'int_einvoices__uuid_pairs', 'int_einvoices__key_pairs']) }},

{{ compare_documents("from r inner join e on " ~ meets_number() ~ " and " ~ in_window() ~ " where " ~ not_decided()) }}

select {{ pair_columns() }} from compared
