-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.order_line_id || ':' || t.url_hash || ':' || t.position as order_attachment_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.order_line_id,
    t.url_hash,
    t.position,
    t.order_modified,
    t.type,
    type_codes.label as type_label,
    t.force_download,
    t.visibility,
    t.order_product_id,
    t._sdc_batched_at as loaded_at
from {{ emag_table('order_attachments') }} as t
inner join {{ emag_table('orders') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {{ emag_table('attachment_types') }} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
where {{ is_current_in_order('t', 'parent') }}
