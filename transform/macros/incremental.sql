{#
    From when on rows were loaded that this build takes up, or none: everything is built.

    int_loaded notes at a build's begin up to when rows were loaded, and int_built keeps the note once
    all marts are built. So a build that ended early is repeated by the next one. An hour before the
    note is read again: the loader dates rows when it begins a batch, and its clock may be another's.
#}
{% macro loaded_since() -%}
    {%- set loaded = ref('int_loaded') -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set built = adapter.get_relation(loaded.database, loaded.schema, 'int_built') -%}
        {%- if built -%}
            {%- set query -%}
                select (built.loaded_up_to - interval '1 hour')::text
                from {{ built }} as built
                inner join {{ loaded }} as loaded on loaded.basis = built.basis
            {%- endset -%}
            {%- for row in run_query(query) if row[0] -%}
                {{- return("timestamptz '" ~ row[0] ~ "'") -}}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(none) -}}
{%- endmacro %}

{# A build of everything that ends early is repeated: what is left of it may be of former models. #}
{% macro forget_what_was_built() -%}
    {%- if execute and flags.FULL_REFRESH -%}
        {%- set built = adapter.get_relation(this.database, this.schema, 'int_built') -%}
        {%- if built -%}delete from {{ built }}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What changed is deleted from a mart and written again, in one transaction. #}
{% macro delete_changed(changed, key) -%}
    {%- set keys = ref(changed) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ key }} in (select {{ key }} from {{ keys }})
    {%- endif -%}
{%- endmacro %}

{% macro only_changed(t, changed, key) -%}
    {%- set keys = ref(changed) -%}
    {%- if is_incremental() -%}
        inner join (select distinct {{ key }} from {{ keys }}) as changed
            on changed.{{ key }} = {{ t }}.{{ key }}
    {%- endif -%}
{%- endmacro %}

{% macro only_changed_offers(t) -%}
    {%- set changed_offers = ref('int_offers_changed') -%}
    {%- if is_incremental() -%}
        inner join {{ changed_offers }} as changed
        on changed.marketplace = {{ t }}.marketplace
        and changed.account_type = {{ t }}.account_type
        and changed.id = {{ t }}.id
    {%- endif -%}
{%- endmacro %}

{# The day before the last one that is built: calendars of marketplaces differ by an hour. #}
{% macro first_open_day() -%}
    {%- if execute and is_incremental() -%}
        date '{{ run_query("select coalesce(least(max(local_date), current_date) - 1, '-infinity') from " ~ this).rows[0][0] }}'
    {%- else -%}
        date '-infinity'
    {%- endif -%}
{%- endmacro %}

{% macro delete_stock_days() -%}
    {%- set changed_offers = ref('int_offers_changed') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where local_date >= {{ first_open_day() }};
        delete from {{ this }} as built
        using {{ changed_offers }} as changed
        where changed.offer_key = built.offer_key and built.local_date >= changed.from_day
    {%- endif -%}
{%- endmacro %}

{% macro only_changed_returns(t, number) -%}
    {%- set changed_returns = ref('int_returns_changed') -%}
    {%- if is_incremental() -%}
        inner join {{ changed_returns }} as changed
        on changed.marketplace = {{ t }}.marketplace
        and changed.account_type = {{ t }}.account_type
        and changed.emag_id = {{ t }}.{{ number }}
    {%- endif -%}
{%- endmacro %}

{# Customers of orders that changed, or that were theirs before. #}
{% macro changed_customers() -%}
    select customer_key from {{ ref('int_orders_changed') }}
    union
    select o.customer_key
    from {{ ref('fct_orders') }} as o
    inner join {{ ref('int_orders_changed') }} as changed on changed.order_key = o.order_key
{%- endmacro %}

{% macro delete_changed_customers() -%}
    {%- set customers = changed_customers() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where customer_key in ({{ customers }})
    {%- endif -%}
{%- endmacro %}

{# Small marts are written anew. The table stays, and with it the views that read it. Of two builds at
   once the second one waits: it would not see the rows of the first. To start workers would take more
   of Postgres' processors than they save. #}
{% macro delete_all() -%}
    {%- if is_incremental() -%}
        lock table {{ this }} in share row exclusive mode;
        set local max_parallel_workers_per_gather to 0;
        delete from {{ this }}
    {%- endif -%}
{%- endmacro %}

{#
    The rows of changed orders. Postgres joins more than eight tables in the order in which they are
    written, unless it is allowed to begin with the few orders. Their rows are looked up by index.
#}
{% macro only_changed_orders(t) -%}
    {%- set changed_orders = ref('int_orders_changed') -%}
    {%- if is_incremental() -%}
        inner join (
            select distinct marketplace, account_type, type, id from {{ changed_orders }}
        ) as changed
        on changed.marketplace = {{ t }}.marketplace
        and changed.account_type = {{ t }}.account_type
        and changed.type = {{ t }}.order_type
        and changed.id = {{ t }}.order_id
    {%- endif -%}
{%- endmacro %}

{% macro join_freely() -%}
    {%- if is_incremental() -%}
        set local join_collapse_limit to 24;
        set local from_collapse_limit to 24;
        set local random_page_cost to 1.1;
        set local geqo_effort to 1;
        set local max_parallel_workers_per_gather to 0;
    {%- endif -%}
{%- endmacro %}

{# Postgres by itself collects statistics minutes after a table was made. #}
{% macro analyze_new() -%}
    {%- if execute -%}
        {%- set seen = run_query("select reltuples from pg_class where oid = '" ~ this ~ "'::regclass") -%}
        {%- if seen.rows[0][0] < 0 -%}analyze {{ this }}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
    Tables that Postgres knows nothing of, as after an upgrade of it: it would expect few rows and
    compare each row of a table with each of another one.
#}
{% macro analyze_unknown() -%}
    {%- if execute -%}
        {%- set query -%}
            select quote_ident(space.nspname) || '.' || quote_ident(kind.relname)
            from pg_class as kind
            inner join pg_namespace as space on space.oid = kind.relnamespace
            where space.nspname in ('{{ source('emag', 'orders').schema }}', '{{ target.schema }}', '{{ this.schema }}')
                and kind.relkind = 'r'
                and kind.reltuples < 0
                and pg_has_role(kind.relowner, 'usage')
        {%- endset -%}
        {%- for row in run_query(query) %}
            analyze {{ row[0] }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
