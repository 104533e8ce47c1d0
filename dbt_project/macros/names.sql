{# Name of a partner by its id: of the setting RECON_PARTNER_NAMES, else null. #}
{% macro partner_name(csp_partner) -%}
    {%- set names = var('partner_names') -%}
    {%- if names -%}
    case {{ csp_partner }}
        {%- for id, name in names.items() %} when '{{ id | replace("'", "''") }}' then '{{ name | replace("'", "''") }}'{% endfor %}
    end
    {%- else -%}
    cast(null as string)
    {%- endif -%}
{%- endmacro %}
