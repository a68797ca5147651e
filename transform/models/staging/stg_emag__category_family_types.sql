-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.id || ':' || t.position as category_family_type_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.id,
    t.position,
    t.name,
    t.characteristic_id,
    t.characteristic_type,
    t.characteristic_family_type_id,
    characteristic_family_type_id_codes.label as characteristic_family_type_label,
    t.is_foldable,
    t.display_order,
    t._sdc_batched_at as loaded_at
from {{ emag_table('category_family_types') }} as t
left join {{ emag_table('family_displays') }} as characteristic_family_type_id_codes
    on characteristic_family_type_id_codes.marketplace = t.marketplace
    and characteristic_family_type_id_codes.account_type = t.account_type
    and characteristic_family_type_id_codes.code = t.characteristic_family_type_id
