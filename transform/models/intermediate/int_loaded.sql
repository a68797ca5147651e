{{ config(pre_hook=['{{ analyze_unknown() }}', '{{ forget_what_was_built() }}']) }}

-- Up to when rows were loaded as the build begins, and a fingerprint of what all marts follow from:
-- seeds, and the lists of codes. When that changes, everything is built again.
{% set tables = [
    'orders', 'order_lines', 'order_vouchers', 'order_voucher_splits', 'returns', 'return_lines',
    'products', 'product_history', 'product_deletions', 'invoices', 'invoice_lines',
    'customer_invoices', 'customer_invoice_lines',
] %}
with newest as (
    {% for name in tables %}
    select max(_sdc_batched_at) as loaded_at from {{ emag_table(name) }} as t
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

basis as (
    {% for name in ['fx_rates', 'invoice_kinds', 'marketplaces'] %}
    select '{{ name }}' || to_jsonb(t)::text as part from {{ ref(name) }} as t
    union all
    {% endfor %}
    {% for source in graph.sources.values() if 'code' in source.columns and 'label' in source.columns %}
    select '{{ source.name }}' || (to_jsonb(t) - '_sdc_batched_at')::text
    from {{ emag_table(source.name) }} as t
    union all
    {% endfor %}
    select ''
)

select
    -- A clock that is ahead of Postgres' own would hide what comes later. Without a time of loading,
    -- as of tables without rows, the next build takes up everything.
    (
        select case when max(loaded_at) is not null then least(max(loaded_at), now()) end from newest
    ) as loaded_up_to,
    (select md5(string_agg(part, ',' order by part)) from basis) as basis
