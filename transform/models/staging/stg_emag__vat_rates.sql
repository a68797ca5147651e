-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.vat_id as vat_rate_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.vat_id,
    t.vat_rate,
    t.vat_fraction,
    t.is_default,
    t.name,
    t._sdc_batched_at as loaded_at
from {{ emag_table('vat_rates') }} as t
