-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.label as awb_package_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.label,
    label_codes.label as label_meaning,
    t.length,
    t.width,
    t.height,
    t.weight,
    t.is_default,
    t._sdc_batched_at as loaded_at
from {{ emag_table('awb_packages') }} as t
left join {{ emag_table('package_labels') }} as label_codes
    on label_codes.marketplace = t.marketplace
    and label_codes.account_type = t.account_type
    and label_codes.code = t.label
