-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as awb_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.reservation_id,
    t.return_emag_id,
    t.order_id,
    t.rma_id,
    t.type,
    type_codes.label as type_label,
    t.awb_type,
    awb_type_codes.label as awb_type_label,
    t.cash_on_delivery,
    t.currency,
    t.weight,
    t.status_code,
    status_code_codes.label as status_label,
    t.status_name,
    t.status_description,
    t.courier_account_id,
    t.courier_id,
    t.courier_name,
    t._sdc_batched_at as loaded_at
from {{ emag_table('awbs') }} as t
left join {{ emag_table('order_types') }} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {{ emag_table('awb_types') }} as awb_type_codes
    on awb_type_codes.marketplace = t.marketplace
    and awb_type_codes.account_type = t.account_type
    and awb_type_codes.code = t.awb_type
left join {{ emag_table('awb_status_codes') }} as status_code_codes
    on status_code_codes.marketplace = t.marketplace
    and status_code_codes.account_type = t.account_type
    and status_code_codes.code = t.status_code
