{{ config(materialized='view') }}

-- The lines of both kinds of invoices, with the sign that eMAG sends.
select
    invoice_line_key,
    invoice_key,
    position,
    product_name,
    unit_of_measure,
    quantity,
    unit_price,
    vat_rate,
    value,
    vat_value,
    loaded_at
from {{ ref('stg_emag__invoice_lines') }} as line
union all
select
    customer_invoice_line_key || ':customer' as invoice_line_key,
    customer_invoice_key || ':customer' as invoice_key,
    position,
    product_name,
    unit_of_measure,
    quantity,
    unit_price,
    vat_rate,
    value,
    vat_value,
    loaded_at
from {{ ref('stg_emag__customer_invoice_lines') }} as line
