-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as category_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.parent_id,
    t.name,
    t.is_allowed,
    t.is_ean_mandatory,
    t.is_warranty_mandatory,
    t.scm_id,
    t._sdc_batched_at as loaded_at
from {{ emag_table('categories') }} as t
