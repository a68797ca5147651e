-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.run_id || ':' || t.stream || ':' || t.started as sync_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.run_id,
    t.stream,
    t.started,
    t.ended,
    t.state,
    t.mode,
    t.complete,
    t.read_up_to,
    t.rows_written,
    t.rows_created,
    t.rows_updated,
    t.rows_unchanged,
    t.rows_rejected,
    t.requests,
    t.error,
    t.tap_version,
    t._sdc_batched_at as loaded_at
from {{ emag_table('syncs') }} as t
