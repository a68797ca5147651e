{# Marts go to the schema of the profile, staging to one besides it: emag_marts and emag_staging. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ target.schema }}
    {%- else -%}
        {{ env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', 'emag') }}_{{ custom_schema_name }}
    {%- endif -%}
{%- endmacro %}
