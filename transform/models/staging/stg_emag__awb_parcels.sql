-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.awb_emag_id || ':' || t.emag_id as awb_parcel_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.awb_emag_id as awb_key,
    t.marketplace,
    t.account_type,
    t.awb_emag_id,
    t.emag_id,
    t.awb_number,
    t.awb_barcode,
    t._sdc_batched_at as loaded_at
from {{ emag_table('awb_parcels') }} as t
