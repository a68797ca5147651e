-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number as invoice_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.category,
    category_codes.label as category_label,
    t.name,
    t.date,
    t.is_storno,
    t.supplier,
    t.supplier_cif,
    t.customer,
    t.customer_cif,
    t.payment_term,
    t.payment_due_date,
    t.total_without_vat,
    t.total_vat_value,
    t.total_with_vat,
    t.signed_total_without_vat,
    t.signed_total_vat_value,
    t.signed_total_with_vat,
    t.currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('invoices') }} as t
left join {{ emag_table('invoice_category_codes') }} as category_codes
    on category_codes.marketplace = t.marketplace
    and category_codes.account_type = t.account_type
    and category_codes.code = t.category
