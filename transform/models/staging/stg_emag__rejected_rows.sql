-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.stream || ':' || t.row_hash as rejected_row_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.stream,
    t.row_hash,
    t.reason,
    t.partition,
    t.seen_at,
    t._sdc_batched_at as loaded_at
from {{ emag_table('rejected_rows') }} as t
