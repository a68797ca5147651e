-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as locality_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.name,
    t.name_latin,
    t.region1,
    t.region1_latin,
    t.region2,
    t.region2_latin,
    t.region3,
    t.region3_latin,
    t.region4,
    t.region4_latin,
    t.geoid,
    t.modified,
    t.zipcode,
    t.country_code,
    country_code_codes.label as country_label,
    t.iso2,
    t._sdc_batched_at as loaded_at
from {{ emag_table('localities') }} as t
left join {{ emag_table('locality_countries') }} as country_code_codes
    on country_code_codes.marketplace = t.marketplace
    and country_code_codes.account_type = t.account_type
    and country_code_codes.code = t.country_code
