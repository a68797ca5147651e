{#
    A table of the loader, with every declared column in its declared type, whatever was loaded.

    A table or column that was never loaded is empty. `emag-ops prepare-tables` gives times a zone and
    stores JSON null as SQL null; where it could not run, a time without zone is UTC.

    Columns that may contain personal data are left out unless asked for: a column that no view reads
    can be dropped.
#}
{% macro emag_table(name, personal=false) -%}
    {%- set relation = source('emag', name) -%}
    {%- if not execute -%}
        {{ relation }}
    {%- else -%}
        {%- set declared = graph.sources['source.' ~ project_name ~ '.emag.' ~ name].columns -%}
        {%- set types = loaded_types(relation.schema).get(name, {}) -%}
        (
            select
            {%- for column in declared.values() if personal or not column.meta.get('personal') %}
                {{ emag_column(column.name, column.data_type, types) }},
            {%- endfor %}
                {{ emag_column('_sdc_batched_at', 'timestamptz', types) }}
            {% if types %}from {{ relation }}{% else %}where false{% endif %}
        )
    {%- endif -%}
{%- endmacro %}

{#
    The types of all columns that are there, by table. They are asked for once in a run and kept in
    dbt's graph, which all models share; a model that does not find them there asks again.
#}
{% macro loaded_types(schema) -%}
    {%- if 'loaded_types' not in graph -%}
        {%- set found = {} -%}
        {%- set query -%}
            select kind.relname, part.attname, format_type(part.atttypid, part.atttypmod)
            from pg_class as kind
            inner join pg_attribute as part on part.attrelid = kind.oid
            where kind.relnamespace = to_regnamespace(quote_ident('{{ schema }}'))
                and kind.relkind in ('r', 'p', 'f', 'v', 'm')
                and part.attnum > 0
                and not part.attisdropped
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- do found.setdefault(row[0], {}).update({row[1]: row[2]}) -%}
        {%- endfor -%}
        {%- do graph.update({'loaded_types': found}) -%}
    {%- endif -%}
    {{- return(graph['loaded_types']) -}}
{%- endmacro %}

{% macro emag_column(name, data_type, types) -%}
    {%- if name not in types -%}
        null::{{ data_type }} as {{ name }}
    {%- elif data_type == 'timestamptz' and types[name] == 'timestamp without time zone' -%}
        {{ name }} at time zone 'UTC' as {{ name }}
    {%- elif data_type == 'jsonb' -%}
        nullif({{ name }}, 'null'::jsonb) as {{ name }}
    {%- else -%}
        {{ name }}
    {%- endif -%}
{%- endmacro %}
