-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.product_id as order_volumetry_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.product_id,
    t.read_at,
    t.length,
    t.width,
    t.height,
    t.weight,
    t._sdc_batched_at as loaded_at
from {{ emag_table('order_volumetry') }} as t
where {{ is_latest_volumetry('t') }}
