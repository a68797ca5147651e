-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number as customer_invoice_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.category,
    category_codes.label as category_label,
    t.order_id,
    t.date,
    t.is_storno,
    t.reversal_for,
    t.supplier,
    t.supplier_cif,
    t.total_without_vat,
    t.total_vat_value,
    t.total_with_vat,
    t.signed_total_without_vat,
    t.signed_total_vat_value,
    t.signed_total_with_vat,
    t.currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('customer_invoices') }} as t
left join {{ emag_table('customer_invoice_categories') }} as category_codes
    on category_codes.marketplace = t.marketplace
    and category_codes.account_type = t.account_type
    and category_codes.code = t.category
