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

{# Of each subject the sources that are loaded and shown, on neither side. #}
{% macro shown_sources() %}
    {{ return({
        'subscriptions': ['ms_unbilled_nce'],
        'usage': ['azure_unbilled_usage'],
        'einvoices': [],
    }) }}
{% endmacro %}

{# Days after its end until a month of a subject is final. #}
{% macro settle_days() %}
    {{ return({'subscriptions': 0, 'usage': 5, 'einvoices': 0}) }}
{% endmacro %}

{# Of each subject the mart that people decide about: its status, which statuses leave nothing to
   decide, and what a decision rests on (column, whether it is an amount). #}
{% macro decided_marts() %}
    {{ return({
        'subscriptions': {'status': 'status', 'settled': ['match'], 'values': [('status', False), ('cost_difference', True), ('currency', False), ('bss_total_cost', True), ('ms_total_cost', True)]},
        'usage': {'status': 'status', 'settled': ['matched'], 'values': [('status', False), ('amount_variation', True), ('currency', False), ('usage_amount', True), ('cost_amount', True), ('usage_quantity', True), ('cost_quantity', True)]},
        'einvoices': {'status': 'bucket', 'settled': ['Exact'], 'values': [('bucket', False), ('max_difference_myr', True), ('register_supplier_tin', False), ('register_buyer_tin', False), ('register_document_number', False), ('register_document_type', False), ('register_document_date', False), ('register_currency_code', False), ('register_original_document_number', False), ('register_total_excluding_tax', True), ('register_total_tax_amount', True), ('register_total_including_tax', True), ('register_total_payable_amount', True), ('register_total_discount_value', True), ('register_total_charge_amount', True), ('einvoice_supplier_tin', False), ('einvoice_buyer_tin', False), ('einvoice_document_number', False), ('einvoice_document_type', False), ('einvoice_document_date', False), ('einvoice_currency_code', False), ('einvoice_original_document_number', False), ('einvoice_total_excluding_tax', True), ('einvoice_total_tax_amount', True), ('einvoice_total_including_tax', True), ('einvoice_total_payable_amount', True), ('einvoice_total_discount_value', True), ('einvoice_total_charge_amount', True)]},
    }) }}
{% endmacro %}
