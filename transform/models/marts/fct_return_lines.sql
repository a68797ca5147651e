{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ join_freely() }}', "{{ delete_changed('int_returns_changed', 'return_key') }}"],
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['return_line_key'], 'unique': true},
        {'columns': ['return_key']},
        {'columns': ['order_key']},
        {'columns': ['offer_key']},
    ],
) }}

-- Lines with what their pieces cost in the order, where the order has one price for the product.
with returned as (
    select
        line.*,
        r.order_key,
        r.type as order_type,
        r.order_id,
        r.date as opened_at,
        r.request_status,
        r.request_status_label,
        {{ local_date('r.date') }} as local_date
    from {{ ref('stg_emag__return_lines') }} as line
    {{ only_changed_returns('line', 'return_emag_id') }}
    inner join {{ ref('stg_emag__returns') }} as r on r.return_key = line.return_key
    left join {{ ref('marketplaces') }} as place on place.marketplace = r.marketplace
)

select
    line.return_line_key,
    line.return_key,
    line.account_key,
    line.order_key,
    line.offer_key,
    line.marketplace,
    line.account_type,
    line.return_emag_id as return_id,
    line.id as line_id,
    line.product_id,
    line.product_emag_id,
    line.product_name,
    line.opened_at,
    line.local_date,
    line.request_status as status,
    line.request_status_label as status_label,
    line.return_reason as reason_code,
    reason.reason_1,
    reason.reason_2,
    reason.reason_3,
    line.quantity as pieces,
    prices.unit_price_net,
    line.quantity * prices.unit_price_net as value_net,
    coalesce(prices.currency, line.currency) as currency,
    line.loaded_at
from returned as line
-- The prices of few orders are looked up, those of all are compared at once.
left join {{ 'lateral' if is_incremental() }} (
    select
        bought.order_key,
        bought.product_id,
        min(bought.unit_price_net) as unit_price_net,
        min(bought.currency) as currency
    from {{ ref('fct_order_lines') }} as bought
    {{ 'where bought.order_key = line.order_key' if is_incremental() }}
    group by bought.order_key, bought.product_id
    having min(bought.unit_price_net) = max(bought.unit_price_net)
) as prices
    on prices.order_key = line.order_key and prices.product_id = line.product_id
left join {{ ref('int_return_reasons') }} as reason
    on reason.marketplace = line.marketplace
    and reason.account_type = line.account_type
    and reason.code = line.return_reason
