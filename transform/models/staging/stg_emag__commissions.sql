-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.read_at,
    t.value,
    t.estimate_id,
    t.created,
    t.end_date,
    t._sdc_batched_at as loaded_at
from {{ emag_table('commissions') }} as t
