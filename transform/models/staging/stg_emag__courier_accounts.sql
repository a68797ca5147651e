-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.account_id as courier_account_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.account_id,
    t.account_display_name,
    t.courier_account_type,
    courier_account_type_codes.label as courier_account_type_label,
    t.courier_name,
    t.courier_account_properties,
    t.created,
    t.status,
    t.pickup_country_code,
    t._sdc_batched_at as loaded_at
from {{ emag_table('courier_accounts') }} as t
left join {{ emag_table('courier_account_types') }} as courier_account_type_codes
    on courier_account_type_codes.marketplace = t.marketplace
    and courier_account_type_codes.account_type = t.account_type
    and courier_account_type_codes.code = t.courier_account_type
