{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ delete_changed('int_invoices_changed', 'invoice_key') }}",
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['invoice_key'], 'unique': true}, {'columns': ['account_key', 'date']}],
) }}

-- Both kinds of invoices, with the sign that sums need. The last of the two facts of invoices:
-- int_invoices_changed takes an invoice for built when it is in here.
-- depends_on: {{ ref('fct_invoice_lines') }}
select
    invoice.invoice_key,
    invoice.account_key,
    invoice.marketplace,
    invoice.account_type,
    invoice.issued_by,
    invoice.number,
    invoice.category,
    invoice.category_label,
    case when invoice.issued_by = 'eMAG' then coalesce(kind.kind, 'other') else 'sale' end as kind,
    invoice.order_id,
    invoice.reverses_number,
    invoice.date,
    date_trunc('month', invoice.date)::date as month_start,
    invoice.is_storno,
    invoice.net,
    invoice.vat,
    invoice.gross,
    -- What the invoice adds to the seller's costs: a credit lowers them, and the storno of a credit
    -- charges again, although both are stornos.
    case
        when invoice.issued_by <> 'eMAG' then 0
        when kind.effect = 'recharge' then abs(invoice.net)
        when kind.effect = 'credit' then -abs(invoice.net)
        else invoice.net
    end as cost_net,
    case
        when invoice.issued_by <> 'eMAG' then 0
        when kind.effect = 'recharge' then abs(invoice.vat)
        when kind.effect = 'credit' then -abs(invoice.vat)
        else invoice.vat
    end as cost_vat,
    invoice.currency,
    {{ in_eur('invoice.net', 'fx.units_per_eur') }} as net_eur,
    {{ in_eur('invoice.gross', 'fx.units_per_eur') }} as gross_eur,
    invoice.loaded_at,
    {{ 'null::text as version' if plain is defined else 'changed.version' }}
from {{ ref('int_invoices') }} as invoice
{% if plain is not defined %}
{{ 'inner' if is_incremental() else 'left' }} join {{ ref('int_invoices_changed') }} as changed
    on changed.invoice_key = invoice.invoice_key
{% endif %}
left join {{ ref('invoice_kinds') }} as kind on kind.category = invoice.category
left join {{ ref('int_fx_rates') }} as fx
    on fx.currency = invoice.currency
    and invoice.date >= fx.valid_from
    and invoice.date < fx.valid_to
