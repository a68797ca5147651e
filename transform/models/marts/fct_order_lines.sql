{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ join_freely() }}', "{{ delete_changed('int_orders_changed', 'order_key') }}"],
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['order_line_key'], 'unique': true},
        {'columns': ['order_key']},
        {'columns': ['offer_key']},
        {'columns': ['account_key', 'local_date']},
    ],
) }}

-- Amounts without VAT are exact; nothing is rounded before it is added up.
with lines as (
    select
        line.*,
        o.date as ordered_at,
        o.status as order_status,
        o.loaded_at as order_loaded_at,
        {{ order_date('o') }} as fx_date,
        {{ local_date('o.date') }} as local_date,
        coalesce(o.status <> 0 and line.status = 1, false) as is_sold,
        -- Under reverse charge the buyer owes the VAT, so that the price has none.
        case when line.reversible_vat_charging then 0 else line.vat end as vat_rate
    from {{ ref('stg_emag__order_lines') }} as line
    {{ only_changed_orders('line') }}
    inner join {{ ref('stg_emag__orders') }} as o
        on o.marketplace = line.marketplace
        and o.account_type = line.account_type
        and o.type = line.order_type
        and o.id = line.order_id
    left join {{ ref('marketplaces') }} as place on place.marketplace = line.marketplace
)

select
    line.order_line_key,
    line.order_key,
    line.account_key,
    line.offer_key,
    line.marketplace,
    line.account_type,
    line.order_type,
    line.order_type_label,
    line.order_id,
    line.id as line_id,
    line.product_id,
    line.name as product_name,
    line.part_number,
    line.part_number_key,
    line.campaign_id,
    line.ordered_at,
    line.local_date,
    line.order_status,
    line.status,
    line.status_label,
    line.is_sold,
    line.vat_rate,
    line.initial_qty as ordered_pieces,
    line.storno_qty as returned_pieces,
    case when line.is_sold then line.quantity else 0 end as sold_pieces,
    line.sale_price as unit_price_net,
    line.initial_qty * line.sale_price as ordered_net,
    line.initial_qty * line.sale_price * (1 + line.vat_rate) as ordered_gross,
    case when line.is_sold then line.storno_qty * line.sale_price else 0 end as returned_net,
    case when line.is_sold then line.quantity * line.sale_price else 0 end as revenue_net,
    case when line.is_sold then line.quantity * line.sale_price * line.vat_rate else 0 end
        as revenue_vat,
    case when line.is_sold then line.quantity * line.sale_price * (1 + line.vat_rate) else 0 end
        as revenue_gross,
    coalesce(deposit.net, 0) as deposit_net,
    coalesce(deposit.gross, 0) as deposit_gross,
    coalesce(discounts.discount_net, 0) as discount_net,
    coalesce(discounts.seller_discount_net, 0) as seller_discount_net,
    coalesce(discounts.emag_discount_net, 0) as emag_discount_net,
    coalesce(discounts.discount_gross, 0) as discount_gross,
    line.initial_qty * line.sale_price * (1 + line.vat_rate)
        + coalesce(deposit.gross, 0)
        + coalesce(discounts.discount_gross, 0) as due_gross,
    line.currency,
    {{ in_eur('case when line.is_sold then line.quantity * line.sale_price else 0 end', 'fx.units_per_eur') }}
        as revenue_net_eur,
    {{ in_eur('case when line.is_sold then line.quantity * line.sale_price * (1 + line.vat_rate) else 0 end', 'fx.units_per_eur') }}
        as revenue_gross_eur,
    greatest(line.loaded_at, line.order_loaded_at) as loaded_at
from lines as line
left join lateral (
    select
        sum((each ->> 'quantity')::numeric * (each ->> 'sale_price')::numeric) as net,
        sum(
            (each ->> 'quantity')::numeric
            * (each ->> 'sale_price')::numeric
            * (1 + coalesce({{ fraction("(each ->> 'vat_rate')::numeric") }}, 0))
        ) as gross
    from jsonb_array_elements(
        case jsonb_typeof(line.recycle_warranties) when 'array' then line.recycle_warranties end
    ) as each
) as deposit on true
-- The rows of few orders are looked up, those of all are added up at once.
left join {{ 'lateral' if is_incremental() }} (
    select
        split.order_line_key,
        sum(split.discount_net) as discount_net,
        sum(split.discount_gross) as discount_gross,
        sum(split.discount_net) filter (where split.sponsor = 'seller') as seller_discount_net,
        sum(split.discount_net) filter (where split.sponsor = 'eMAG') as emag_discount_net
    from {{ ref('fct_voucher_splits') }} as split
    where split.order_line_key is not null
        {{ 'and split.order_key = line.order_key' if is_incremental() }}
    group by split.order_line_key
) as discounts on discounts.order_line_key = line.order_line_key
left join {{ ref('int_fx_rates') }} as fx
    on fx.currency = line.currency and line.fx_date >= fx.valid_from and line.fx_date < fx.valid_to
