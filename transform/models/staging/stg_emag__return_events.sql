-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id || ':' || t.kind || ':' || t.parent_position || ':' || t.position as return_event_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace,
    t.account_type,
    t.return_emag_id,
    t.kind,
    t.parent_position,
    t.position,
    t.fingerprint,
    t.date,
    t.code,
    t.amount,
    t.currency,
    t.refund_type,
    t.refund_status,
    t.status_date,
    t.rma_id,
    t.id,
    t.action,
    t.action_type,
    t.source,
    t._sdc_batched_at as loaded_at
from {{ emag_table('return_events') }} as t
inner join {{ emag_table('returns') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.emag_id = t.return_emag_id
where {{ is_current_in_return('t') }}
