{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=[
        '{{ set_customer_salt() }}',
        '{{ join_freely() }}',
        "{{ delete_changed('int_orders_changed', 'order_key') }}",
    ],
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['order_key'], 'unique': true},
        {'columns': ['account_key', 'local_date']},
        {'columns': ['customer_key']},
        {'columns': ['marketplace', 'account_type', 'order_type', 'order_id']},
    ],
) }}

-- The last of the orders' facts: int_orders_changed takes an order for built when it is in here.
with orders as (
    select
        o.*,
        {{ 'null::text as version' if plain is defined else 'changed.version' }},
        {{ local_date('o.date') }} as local_date,
        {{ local_date('o.finalization_date') }} as finalized_date,
        fx.units_per_eur
    from {{ ref('stg_emag__orders') }} as o
    {% if is_incremental() %}
    inner join (
        select marketplace, account_type, type, id, max(version) as version
        from {{ ref('int_orders_changed') }}
        group by marketplace, account_type, type, id
    ) as changed
    {% elif plain is not defined %}
    left join {{ ref('int_orders_changed') }} as changed
    {% endif %}
    {% if plain is not defined %}
        on changed.marketplace = o.marketplace
        and changed.account_type = o.account_type
        and changed.type = o.type
        and changed.id = o.id
    {% endif %}
    left join {{ ref('marketplaces') }} as place on place.marketplace = o.marketplace
    left join {{ ref('int_fx_rates') }} as fx
        on fx.currency = o.currency
        and {{ order_date('o') }} >= fx.valid_from
        and {{ order_date('o') }} < fx.valid_to
)

select
    o.order_key,
    o.account_key,
    {{ customer_key('o.marketplace', 'o.customer_id') }} as customer_key,
    o.marketplace,
    o.account_type,
    o.type as order_type,
    o.type_label as order_type_label,
    case o.type when 2 then 'eMAG' when 3 then 'seller' end as fulfilled_by,
    o.id as order_id,
    o.status,
    o.status_label,
    o.status = 0 as is_cancelled,
    o.reason_cancellation_id,
    coalesce(o.reason_cancellation_label, o.reason_cancellation_name) as cancellation_reason,
    o.date as ordered_at,
    o.local_date,
    o.modified as modified_at,
    o.finalization_date as finalized_at,
    o.finalized_date,
    o.maximum_date_for_shipment as ship_by,
    o.late_shipment as is_late,
    o.payment_mode_id,
    o.payment_mode_label,
    o.payment_status,
    o.payment_status_label,
    o.delivery_mode,
    o.delivery_mode_label,
    o.emag_club as is_genius,
    coalesce(lines.lines, 0) as lines,
    coalesce(lines.ordered_pieces, 0) as ordered_pieces,
    coalesce(lines.returned_pieces, 0) as returned_pieces,
    coalesce(lines.sold_pieces, 0) as sold_pieces,
    coalesce(lines.ordered_net, 0) as ordered_net,
    coalesce(lines.returned_net, 0) as returned_net,
    coalesce(lines.revenue_net, 0) as revenue_net,
    case when coalesce(lines.has_vat, true) then coalesce(lines.revenue_vat, 0) end as revenue_vat,
    case when coalesce(lines.has_vat, true) then coalesce(lines.revenue_net + lines.revenue_vat, 0) end
        as revenue_gross,
    coalesce(lines.deposit_net, 0) as deposit_net,
    coalesce(o.shipping_tax, 0) as shipping_gross,
    coalesce(discounts.discount_net, 0) as discount_net,
    coalesce(discounts.discount_gross, 0) as discount_gross,
    coalesce(discounts.seller_discount_net, 0) as seller_discount_net,
    coalesce(discounts.emag_discount_net, 0) as emag_discount_net,
    -- What the customer owes for the order as it was placed.
    case
        when coalesce(lines.has_vat, true) then
            coalesce(lines.due_gross, 0)
            + coalesce(o.shipping_tax, 0)
            + coalesce(discounts.of_shipping_gross, 0)
    end as due_gross,
    coalesce(o.cashed_co, 0) + coalesce(o.cashed_cod, 0) as cashed,
    coalesce(o.refunded_amount, 0) as refunded,
    o.currency,
    o.units_per_eur,
    {{ in_eur('coalesce(lines.revenue_net, 0)', 'o.units_per_eur') }} as revenue_net_eur,
    case when coalesce(lines.has_vat, true) then
        {{ in_eur('coalesce(lines.revenue_net + lines.revenue_vat, 0)', 'o.units_per_eur') }}
    end as revenue_gross_eur,
    o.loaded_at,
    o.version
from orders as o
-- The rows of few orders are looked up, those of all are added up at once.
left join {{ 'lateral' if is_incremental() }} (
    select
        line.order_key,
        count(*) as lines,
        -- A line without VAT rate leaves the order's gross amounts unknown, instead of too small.
        count(*) = count(line.vat_rate) as has_vat,
        sum(line.ordered_pieces) as ordered_pieces,
        sum(line.returned_pieces) as returned_pieces,
        sum(line.sold_pieces) as sold_pieces,
        sum(line.ordered_net) as ordered_net,
        sum(line.returned_net) as returned_net,
        sum(line.revenue_net) as revenue_net,
        sum(line.revenue_vat) as revenue_vat,
        sum(line.deposit_net) as deposit_net,
        sum(line.due_gross) as due_gross
    from {{ ref('fct_order_lines') }} as line
    {{ 'where line.order_key = o.order_key' if is_incremental() }}
    group by line.order_key
) as lines on lines.order_key = o.order_key
left join {{ 'lateral' if is_incremental() }} (
    select
        split.order_key,
        sum(split.discount_net) as discount_net,
        sum(split.discount_gross) as discount_gross,
        sum(split.discount_net) filter (where split.sponsor = 'seller') as seller_discount_net,
        sum(split.discount_net) filter (where split.sponsor = 'eMAG') as emag_discount_net,
        sum(split.discount_gross) filter (where split.level = 'shipping') as of_shipping_gross
    from {{ ref('fct_voucher_splits') }} as split
    {{ 'where split.order_key = o.order_key' if is_incremental() }}
    group by split.order_key
) as discounts on discounts.order_key = o.order_key
