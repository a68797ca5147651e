-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.voucher_id || ':' || t.position as order_voucher_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.voucher_id,
    t.position,
    t.order_modified,
    t.id,
    t.voucher_name,
    t.status,
    t.sale_price,
    t.sale_price_vat,
    t.vat,
    t.created,
    t.modified,
    t.issue_date,
    {{ currency_of_order('parent') }} as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('order_vouchers') }} as t
inner join {{ emag_table('orders') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
where {{ is_current_in_order('t', 'parent') }}
