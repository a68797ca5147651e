-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.characteristic_id || ':' || t.characteristic_position || ':' || t.position as category_value_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.characteristic_id,
    t.characteristic_position,
    t.position,
    t.value,
    t._sdc_batched_at as loaded_at
from {{ emag_table('category_values') }} as t
