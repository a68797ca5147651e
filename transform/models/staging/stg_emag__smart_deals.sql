-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.read_at,
    t.smart_deals_price,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('smart_deals') }} as t
left join {{ emag_table('products') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.id = t.id
