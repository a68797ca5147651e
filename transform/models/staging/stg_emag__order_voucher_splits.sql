-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.level || ':' || t.order_line_id || ':' || t.warranty_position || ':' || t.position as voucher_split_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.level,
    t.order_line_id,
    t.warranty_position,
    t.position,
    t.order_modified,
    t.voucher_id,
    t.value,
    t.vat_value,
    t.vat,
    t.offered_by,
    offered_by_codes.label as offered_by_label,
    t.voucher_name,
    {{ currency_of_order('parent') }} as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('order_voucher_splits') }} as t
inner join {{ emag_table('orders') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {{ emag_table('discount_sponsors') }} as offered_by_codes
    on offered_by_codes.marketplace = t.marketplace
    and offered_by_codes.account_type = t.account_type
    and offered_by_codes.code = t.offered_by
where {{ is_current_in_order('t', 'parent') }}
