-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id || ':' || {{ time_in_key('t.changed_at') }} as offer_deletion_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.changed_at,
    t._sdc_batched_at as loaded_at
from {{ emag_table('product_deletions') }} as t
