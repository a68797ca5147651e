{{ config(severity='warn') }}
-- To the cent, with the sign of the invoice.
with lines as (
    select invoice_key, sum(net) as net, sum(vat) as vat
    from {{ ref('fct_invoice_lines') }}
    group by invoice_key
)

select invoice.invoice_key
from {{ ref('fct_invoices') }} as invoice
left join lines on lines.invoice_key = invoice.invoice_key
where abs(invoice.net - coalesce(lines.net, 0)) >= 0.01
    or abs(invoice.vat - coalesce(lines.vat, 0)) >= 0.01
    or abs(invoice.gross - invoice.net - invoice.vat) >= 0.01
