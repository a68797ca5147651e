{{ config(post_hook='analyze {{ this }}') }}

-- Invoices whose rows differ from those that fct_invoices was built from; see int_orders_changed.
{% set since = loaded_since() %}
{% set built = adapter.get_relation(this.database, target.schema, 'fct_invoices') %}
{% set built = none if flags.FULL_REFRESH else built %}
{% set since = since if built else none %}

with {% if since %}
touched as (
    select invoice_key from {{ ref('int_invoices') }} as invoice where loaded_at > {{ since }}
    union
    select invoice_key from {{ ref('int_invoice_lines') }} as line where loaded_at > {{ since }}
),

{% endif %}
lines as (
    select line.invoice_key, count(*) as lines, sum(extract(epoch from line.loaded_at)) as loaded
    from {{ ref('int_invoice_lines') }} as line
    {% if since %}inner join touched on touched.invoice_key = line.invoice_key{% endif %}
    group by line.invoice_key
),

now_loaded as (
    select
        invoice.invoice_key,
        concat_ws('/', extract(epoch from invoice.loaded_at), lines.lines, lines.loaded) as version
    from {{ ref('int_invoices') }} as invoice
    {% if since %}inner join touched on touched.invoice_key = invoice.invoice_key{% endif %}
    left join lines on lines.invoice_key = invoice.invoice_key
)

select invoice_key, version from now_loaded
{% if since %}
where not exists (
    select from {{ built }} as built
    where built.invoice_key = now_loaded.invoice_key and built.version = now_loaded.version
)
{% endif %}
