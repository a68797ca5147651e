-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.address_id as address_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.locality_id as locality_key,
    t.marketplace,
    t.account_type,
    t.address_id,
    t.country_id,
    t.country_code,
    t.address_type_id,
    address_type_id_codes.label as address_type_label,
    t.locality_id,
    t.suburb,
    t.city,
    t.address,
    t.zipcode,
    t.quarter,
    t.floor,
    t.is_default,
    t._sdc_batched_at as loaded_at
from {{ emag_table('addresses') }} as t
left join {{ emag_table('address_types') }} as address_type_id_codes
    on address_type_id_codes.marketplace = t.marketplace
    and address_type_id_codes.account_type = t.account_type
    and address_type_id_codes.code = t.address_type_id
