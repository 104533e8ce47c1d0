{# Generated from recon_assets/catalogue by `make generate`; change the declarations there. #}

{# The compared fields of a document, in their order. #}
{% macro compared_fields() %}
    {{ return([
        {'name': 'supplier_tin', 'kind': 'identifier', 'form': 'tin'},
        {'name': 'buyer_tin', 'kind': 'identifier', 'form': 'tin'},
        {'name': 'document_number', 'kind': 'identifier', 'form': 'text'},
        {'name': 'document_type', 'kind': 'identifier', 'form': 'type'},
        {'name': 'document_date', 'kind': 'identifier', 'form': 'date'},
        {'name': 'currency_code', 'kind': 'identifier', 'form': 'text'},
        {'name': 'original_document_number', 'kind': 'identifier', 'form': 'text'},
        {'name': 'total_excluding_tax', 'kind': 'amount', 'form': 'amount'},
        {'name': 'total_tax_amount', 'kind': 'amount', 'form': 'amount'},
        {'name': 'total_including_tax', 'kind': 'amount', 'form': 'amount'},
        {'name': 'total_payable_amount', 'kind': 'amount', 'form': 'amount'},
        {'name': 'total_discount_value', 'kind': 'amount', 'form': 'amount'},
        {'name': 'total_charge_amount', 'kind': 'amount', 'form': 'amount'},
    ]) }}
{% endmacro %}

{# Of each subject the sources without which it has no month. #}
{% macro required_sources() %}
    {{ return({
        'subscriptions': ['bss_invoices', 'ms_recon_nce'],
        'usage': ['azure_invoice_usage', 'azure_cost_export'],
        'einvoices': ['erp_sales_register', 'erp_purchase_register', 'einvoices'],
    }) }}
{% endmacro %}

{# Days after its end until a month of a subject is final. #}
{% macro settle_days() %}
    {{ return({'subscriptions': 0, 'usage': 5, 'einvoices': 0}) }}
{% endmacro %}
