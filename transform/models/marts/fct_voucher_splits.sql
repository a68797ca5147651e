{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ join_freely() }}', "{{ delete_changed('int_orders_changed', 'order_key') }}"],
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['voucher_split_key'], 'unique': true}, {'columns': ['order_key']}],
) }}

select
    split.voucher_split_key,
    split.order_key,
    split.account_key,
    case when split.order_line_id <> 0 then split.order_key || ':' || split.order_line_id end
        as order_line_key,
    split.marketplace,
    split.account_type,
    {{ local_date('o.date') }} as local_date,
    split.level,
    split.voucher_id,
    split.voucher_name,
    coalesce(split.offered_by, 'unknown') as sponsor,
    o.status = 0 as is_cancelled,
    split.vat as vat_rate,
    split.value as discount_net,
    split.vat_value as discount_vat,
    split.value + coalesce(split.vat_value, 0) as discount_gross,
    split.currency,
    {{ in_eur('split.value', 'fx.units_per_eur') }} as discount_net_eur,
    {{ in_eur('(split.value + coalesce(split.vat_value, 0))', 'fx.units_per_eur') }}
        as discount_gross_eur,
    greatest(split.loaded_at, o.loaded_at) as loaded_at
from {{ ref('stg_emag__order_voucher_splits') }} as split
{{ only_changed_orders('split') }}
inner join {{ ref('stg_emag__orders') }} as o
    on o.marketplace = split.marketplace
    and o.account_type = split.account_type
    and o.type = split.order_type
    and o.id = split.order_id
left join {{ ref('marketplaces') }} as place on place.marketplace = split.marketplace
left join {{ ref('int_fx_rates') }} as fx
    on fx.currency = split.currency
    and {{ order_date('o') }} >= fx.valid_from
    and {{ order_date('o') }} < fx.valid_to
