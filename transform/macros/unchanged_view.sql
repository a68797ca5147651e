{#
    A view that is there with the same query stays as it is. dbt would create it again each time, which
    takes longer than a build of few changes, and drops the views of others that read it. The comment
    of the view has a digest of its query; dbt's cache knows of views that went with another one.
#}
{% materialization view, adapter='postgres' %}
    {%- set digest = local_md5(sql) -%}
    {%- set place = this.schema ~ '.' ~ this.identifier -%}
    {%- if load_cached_relation(this) and digest in view_comments().get(place, '') -%}
        {%- do store_raw_result(name='main', message='UNCHANGED', code='UNCHANGED', rows_affected='0') -%}
        {{- return({'relations': [this]}) -}}
    {%- endif -%}
    {%- set created = dbt.materialization_view_default() -%}
    {%- set text = (model.description or model.name) ~ ' (dbt ' ~ digest ~ ')' -%}
    {%- do run_query("comment on view " ~ this ~ " is '" ~ text | replace("'", "''") ~ "'") -%}
    {#- Views over one that is created again went with it. -#}
    {%- do graph.pop('view_comments', none) -%}
    {{- return(created) -}}
{% endmaterialization %}

{# The comments of all views, by schema and name; asked for once, like the types of columns. #}
{% macro view_comments() -%}
    {%- set found = graph.get('view_comments') -%}
    {%- if found is none -%}
        {%- set found = {} -%}
        {%- set query -%}
            select space.nspname || '.' || kind.relname, obj_description(kind.oid, 'pg_class')
            from pg_class as kind
            inner join pg_namespace as space on space.oid = kind.relnamespace
            where kind.relkind = 'v' and obj_description(kind.oid, 'pg_class') like '%(dbt %'
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- do found.update({row[0]: row[1]}) -%}
        {%- endfor -%}
        {%- do graph.update({'view_comments': found}) -%}
    {%- endif -%}
    {{- return(found) -}}
{%- endmacro %}
