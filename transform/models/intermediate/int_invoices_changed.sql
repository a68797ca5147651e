{{ config(post_hook='analyze {{ this }}') }}

-- Invoices whose rows differ from those that fct_invoices was built from; see int_orders_changed.
{% set built = adapter.get_relation(this.database, target.schema, 'fct_invoices') %}
{% set all_invoices = flags.FULL_REFRESH or not built %}

with heads as (
    select invoice_key, loaded_at from {{ ref('int_invoices') }}
),

lines as (
    select invoice_key, count(*) as lines, sum(extract(epoch from loaded_at)) as loaded
    from {{ ref('int_invoice_lines') }}
    group by invoice_key
),

now_loaded as (
    select
        heads.invoice_key,
        concat_ws('/', extract(epoch from heads.loaded_at), lines.lines, lines.loaded) as version
    from heads
    left join lines on lines.invoice_key = heads.invoice_key
)

select invoice_key, version from now_loaded
{% if not all_invoices %}
where not exists (
    select from {{ built }} as built
    where built.invoice_key = now_loaded.invoice_key and built.version = now_loaded.version
)
{% endif %}
