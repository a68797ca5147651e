{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ delete_changed('int_invoices_changed', 'invoice_key') }}",
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['invoice_line_key'], 'unique': true}, {'columns': ['invoice_key']}],
) }}

select
    line.invoice_line_key,
    line.invoice_key,
    invoice.account_key,
    invoice.marketplace,
    invoice.account_type,
    invoice.issued_by,
    invoice.number,
    line.position,
    invoice.category,
    invoice.date,
    invoice.is_storno,
    line.product_name,
    line.unit_of_measure,
    line.quantity,
    line.unit_price,
    line.vat_rate / 100 as vat_rate,
    line.value * invoice.factor as net,
    line.vat_value * invoice.factor as vat,
    (line.value + line.vat_value) * invoice.factor as gross,
    invoice.currency,
    {{ in_eur('(line.value * invoice.factor)', 'fx.units_per_eur') }} as net_eur,
    greatest(line.loaded_at, invoice.loaded_at) as loaded_at
from {{ ref('int_invoice_lines') }} as line
{{ only_changed('line', 'int_invoices_changed', 'invoice_key') }}
inner join {{ ref('int_invoices') }} as invoice on invoice.invoice_key = line.invoice_key
left join {{ ref('int_fx_rates') }} as fx
    on fx.currency = invoice.currency
    and invoice.date >= fx.valid_from
    and invoice.date < fx.valid_to
