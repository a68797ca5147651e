-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category as invoice_category_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.category,
    t.name,
    t._sdc_batched_at as loaded_at
from {{ emag_table('invoice_categories') }} as t
