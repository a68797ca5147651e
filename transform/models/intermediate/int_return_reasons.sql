{{ config(materialized='view') }}

-- Each reason of a return with the two above it, the widest first.
with reasons as (
    select marketplace, account_type, code, label, level, parent_code
    from {{ emag_table('return_reasons') }} as reason
)

select
    reason.marketplace,
    reason.account_type,
    reason.code,
    coalesce(top.label, middle.label, reason.label) as reason_1,
    case reason.level when 3 then middle.label when 2 then reason.label end as reason_2,
    case reason.level when 3 then reason.label end as reason_3
from reasons as reason
left join reasons as middle
    on middle.marketplace = reason.marketplace
    and middle.account_type = reason.account_type
    and middle.code = reason.parent_code
left join reasons as top
    on top.marketplace = middle.marketplace
    and top.account_type = middle.account_type
    and top.code = middle.parent_code
