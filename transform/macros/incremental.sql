{# Facts of orders: what changed is deleted and written again, always complete orders. #}
{% macro delete_changed_orders() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where order_key in (select order_key from {{ ref('int_orders_changed') }})
    {%- endif -%}
{%- endmacro %}

{% macro only_changed_orders(t) -%}
    {%- set changed_orders = ref('int_orders_changed') -%}
    {%- if is_incremental() -%}
        inner join {{ changed_orders }} as changed
        on changed.marketplace = {{ t }}.marketplace
        and changed.account_type = {{ t }}.account_type
        and changed.type = {{ t }}.order_type
        and changed.id = {{ t }}.order_id
    {%- endif -%}
{%- endmacro %}

{# The same for facts, which have the key in one column. #}
{% macro only_changed_keys(t) -%}
    {%- set changed_orders = ref('int_orders_changed') -%}
    {%- if is_incremental() -%}
        inner join {{ changed_orders }} as changed on changed.order_key = {{ t }}.order_key
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_invoices() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where invoice_key in (select invoice_key from {{ ref('int_invoices_changed') }})
    {%- endif -%}
{%- endmacro %}

{# Postgres by itself collects statistics minutes after a table was made. #}
{% macro analyze_new() -%}
    {%- if execute -%}
        {%- set seen = run_query("select reltuples from pg_class where oid = '" ~ this ~ "'::regclass") -%}
        {%- if seen.rows[0][0] < 0 -%}analyze {{ this }}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro only_changed_invoices(t) -%}
    {%- set changed_invoices = ref('int_invoices_changed') -%}
    {%- if is_incremental() -%}
        inner join {{ changed_invoices }} as changed on changed.invoice_key = {{ t }}.invoice_key
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_stock_days() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using {{ ref('int_offers_changed') }} as changed
        where changed.offer_key = built.offer_key and built.local_date >= changed.from_day
    {%- endif -%}
{%- endmacro %}
