-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id || ':' || t.id as return_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.return_emag_id,
    t.id,
    t.fingerprint,
    t.product_emag_id,
    t.product_id,
    t.product_name,
    t.quantity,
    t.return_reason,
    return_reason_codes.label as return_reason_label,
    return_reason_codes.level as return_reason_level,
    return_reason_codes.parent_code as return_reason_parent_code,
    t.diagnostic,
    t.reject_reason,
    t.retained_amount,
    t.refund_value,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {{ emag_table('return_lines') }} as t
inner join {{ emag_table('returns') }} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.emag_id = t.return_emag_id
left join {{ emag_table('return_reasons') }} as return_reason_codes
    on return_reason_codes.marketplace = t.marketplace
    and return_reason_codes.account_type = t.account_type
    and return_reason_codes.code = t.return_reason
where {{ is_current_in_return('t') }}
