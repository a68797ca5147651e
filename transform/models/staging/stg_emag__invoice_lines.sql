-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number || ':' || t.position as invoice_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.number as invoice_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.position,
    t.product_name,
    t.unit_of_measure,
    t.quantity,
    t.unit_price,
    t.vat_rate,
    t.value,
    t.vat_value,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('invoice_lines') }} as t
inner join {{ emag_table('invoices') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.number = t.number
