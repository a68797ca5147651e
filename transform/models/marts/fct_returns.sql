{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ join_freely() }}', "{{ delete_changed('int_returns_changed', 'return_key') }}"],
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['return_key'], 'unique': true},
        {'columns': ['order_key']},
        {'columns': ['account_key', 'local_date']},
    ],
) }}

select
    r.return_key,
    r.account_key,
    r.order_key,
    r.marketplace,
    r.account_type,
    r.emag_id as return_id,
    r.type as order_type,
    r.type_label as order_type_label,
    r.order_id,
    r.date as opened_at,
    {{ local_date('r.date') }} as local_date,
    r.request_status as status,
    r.request_status_label as status_label,
    r.is_open,
    r.return_type,
    r.return_type_label,
    r.return_reason as reason_code,
    reason.reason_1,
    reason.reason_2,
    reason.reason_3,
    r.pickup_method,
    r.pickup_method_label,
    r.is_full_fbe,
    r.is_fast,
    r.finalized_with_incident,
    r.maximum_finalization_date as finalize_by,
    coalesce(lines.lines, 0) as lines,
    coalesce(lines.pieces, 0) as pieces,
    r.return_tax_value as fee_gross,
    r.currency,
    r.loaded_at
from {{ ref('stg_emag__returns') }} as r
{{ only_changed_returns('r', 'emag_id') }}
-- The rows of few returns are looked up, those of all are added up at once.
left join {{ 'lateral' if is_incremental() }} (
    select line.return_key, count(*) as lines, sum(line.quantity) as pieces
    from {{ ref('stg_emag__return_lines') }} as line
    {% if is_incremental() %}
    where line.marketplace = r.marketplace
        and line.account_type = r.account_type
        and line.return_emag_id = r.emag_id
    {% endif %}
    group by line.return_key
) as lines on lines.return_key = r.return_key
left join {{ ref('marketplaces') }} as place on place.marketplace = r.marketplace
left join {{ ref('int_return_reasons') }} as reason
    on reason.marketplace = r.marketplace
    and reason.account_type = r.account_type
    and reason.code = r.return_reason
