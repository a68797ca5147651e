-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.id as order_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.type,
    type_codes.label as type_label,
    t.id,
    t.vendor_name,
    t.parent_id,
    t.date,
    t.created,
    t.modified,
    t.status,
    status_codes.label as status_label,
    t.is_complete,
    t.payment_mode,
    t.payment_mode_id,
    payment_mode_id_codes.label as payment_mode_label,
    t.detailed_payment_method,
    t.delivery_payment_mode,
    t.delivery_mode,
    delivery_mode_codes.label as delivery_mode_label,
    t.payment_status,
    payment_status_codes.label as payment_status_label,
    t.cashed_co,
    t.cashed_cod,
    t.shipping_tax,
    t.customer_id,
    t.proforms,
    t.is_storno,
    t.reason_cancellation_id,
    reason_cancellation_id_codes.label as reason_cancellation_label,
    t.reason_cancellation_name,
    t.cancellation_request,
    t.has_editable_products,
    t.refunded_amount,
    t.refund_status,
    t.maximum_date_for_shipment,
    t.finalization_date,
    t.late_shipment,
    t.flags,
    t.emag_club,
    t.weekend_delivery,
    t.enforced_vendor_courier_accounts,
    {{ currency_of_order('t') }} as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('orders') }} as t
left join {{ emag_table('order_types') }} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {{ emag_table('order_statuses') }} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
left join {{ emag_table('payment_modes') }} as payment_mode_id_codes
    on payment_mode_id_codes.marketplace = t.marketplace
    and payment_mode_id_codes.account_type = t.account_type
    and payment_mode_id_codes.code = t.payment_mode_id
left join {{ emag_table('payment_statuses') }} as payment_status_codes
    on payment_status_codes.marketplace = t.marketplace
    and payment_status_codes.account_type = t.account_type
    and payment_status_codes.code = t.payment_status
left join {{ emag_table('delivery_modes') }} as delivery_mode_codes
    on delivery_mode_codes.marketplace = t.marketplace
    and delivery_mode_codes.account_type = t.account_type
    and delivery_mode_codes.code = t.delivery_mode
left join {{ emag_table('cancellation_reasons') }} as reason_cancellation_id_codes
    on reason_cancellation_id_codes.marketplace = t.marketplace
    and reason_cancellation_id_codes.account_type = t.account_type
    and reason_cancellation_id_codes.code = t.reason_cancellation_id
where {{ is_current_order('t') }}
