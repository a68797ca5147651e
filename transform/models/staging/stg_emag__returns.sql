-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as return_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.fingerprint,
    t.id,
    t.vendor_id,
    t.order_id,
    t.type,
    type_codes.label as type_label,
    t.return_parent_id,
    t.date,
    t.request_status,
    request_status_codes.label as request_status_label,
    request_status_codes.is_open as is_open,
    t.request_status_reason,
    t.return_type,
    return_type_codes.label as return_type_label,
    t.return_reason,
    return_reason_codes.label as return_reason_label,
    return_reason_codes.level as return_reason_level,
    return_reason_codes.parent_code as return_reason_parent_code,
    t.is_full_fbe,
    t.is_club,
    t.is_fast,
    t.finalized_with_incident,
    t.invoice_number,
    t.country,
    t.pickup_method,
    pickup_method_codes.label as pickup_method_label,
    t.pickup_date,
    t.pickup_at,
    t.address_type,
    t.courier_name,
    t.awbs,
    t.return_address_id,
    t.return_address_snapshot,
    t.maximum_finalization_date,
    t.first_pickup_date,
    t.estimated_product_pickup,
    t.estimated_product_reception,
    t.replacement_product_emag_id,
    t.replacement_product_id,
    t.replacement_product_name,
    t.replacement_product_quantity,
    t.swap,
    t.return_tax_value,
    t.currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('returns') }} as t
left join {{ emag_table('order_types') }} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {{ emag_table('return_statuses') }} as request_status_codes
    on request_status_codes.marketplace = t.marketplace
    and request_status_codes.account_type = t.account_type
    and request_status_codes.code = t.request_status
left join {{ emag_table('return_types') }} as return_type_codes
    on return_type_codes.marketplace = t.marketplace
    and return_type_codes.account_type = t.account_type
    and return_type_codes.code = t.return_type
left join {{ emag_table('return_reasons') }} as return_reason_codes
    on return_reason_codes.marketplace = t.marketplace
    and return_reason_codes.account_type = t.account_type
    and return_reason_codes.code = t.return_reason
left join {{ emag_table('pickup_methods') }} as pickup_method_codes
    on pickup_method_codes.marketplace = t.marketplace
    and pickup_method_codes.account_type = t.account_type
    and pickup_method_codes.code = t.pickup_method
