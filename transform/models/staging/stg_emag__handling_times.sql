-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as handling_time_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.value,
    t.name,
    t._sdc_batched_at as loaded_at
from {{ emag_table('handling_times') }} as t
