-- Pass 1: same supplier TIN, document number, document type and year of issue.
with
{{ open_documents(['int_einvoices__consolidated']) }}
{{ compare_documents("from r inner join e on " ~ meets_key() ~ " and " ~ in_window()) }}

select * from compared
