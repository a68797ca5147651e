-- Every amount of an order is the sum of its lines' amounts.
with lines as (
    select
        order_key,
        sum(ordered_net) as ordered_net,
        sum(revenue_net) as revenue_net,
        sum(returned_net) as returned_net,
        sum(deposit_net) as deposit_net,
        sum(sold_pieces) as sold_pieces
    from {{ ref('fct_order_lines') }}
    group by order_key
)

select o.order_key
from {{ ref('fct_orders') }} as o
left join lines on lines.order_key = o.order_key
where o.ordered_net <> coalesce(lines.ordered_net, 0)
    or o.revenue_net <> coalesce(lines.revenue_net, 0)
    or o.returned_net <> coalesce(lines.returned_net, 0)
    or o.deposit_net <> coalesce(lines.deposit_net, 0)
    or o.sold_pieces <> coalesce(lines.sold_pieces, 0)
    or o.revenue_gross <> o.revenue_net + o.revenue_vat
