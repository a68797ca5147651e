-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.id || ':' || t.position as category_characteristic_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.id,
    t.position,
    t.name,
    t.type_id,
    type_id_codes.label as type_label,
    type_id_codes.takes_several as type_takes_several,
    t.display_order,
    t.is_mandatory,
    t.is_mandatory_for_mktp,
    t.is_filter,
    t.allow_new_value,
    t.tags,
    t.value_tags,
    t._sdc_batched_at as loaded_at
from {{ emag_table('category_characteristics') }} as t
left join {{ emag_table('characteristic_types') }} as type_id_codes
    on type_id_codes.marketplace = t.marketplace
    and type_id_codes.account_type = t.account_type
    and type_id_codes.code = t.type_id
