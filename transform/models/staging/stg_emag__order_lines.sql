-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.id as order_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    order_type_codes.label as order_type_label,
    t.order_id,
    t.id,
    t.order_modified,
    t.product_id,
    t.mkt_id,
    t.name,
    t.part_number,
    t.ext_part_number,
    t.part_number_key,
    t.status,
    status_codes.label as status_label,
    t.quantity,
    t.initial_qty,
    t.storno_qty,
    t.sale_price,
    t.original_price,
    t.currency,
    t.vat,
    t.retained_amount,
    t.reversible_vat_charging,
    t.created,
    t.modified,
    t.details,
    t.recycle_warranties,
    t.serial_numbers,
    t.campaign_id,
    t.campaign_name,
    t._sdc_batched_at as loaded_at
from {{ emag_table('order_lines') }} as t
inner join {{ emag_table('orders') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {{ emag_table('order_types') }} as order_type_codes
    on order_type_codes.marketplace = t.marketplace
    and order_type_codes.account_type = t.account_type
    and order_type_codes.code = t.order_type
left join {{ emag_table('order_line_statuses') }} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
where {{ is_current_in_order('t', 'parent') }}
