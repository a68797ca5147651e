-- The discounts of an order, and of its lines, are the sums of its voucher splits.
with splits as (
    select
        order_key,
        sum(discount_net) as discount_net,
        coalesce(sum(discount_net) filter (where order_line_key is not null), 0) as of_lines
    from {{ ref('fct_voucher_splits') }}
    group by order_key
),

lines as (
    select order_key, sum(discount_net) as discount_net
    from {{ ref('fct_order_lines') }}
    group by order_key
)

select o.order_key
from {{ ref('fct_orders') }} as o
left join splits on splits.order_key = o.order_key
left join lines on lines.order_key = o.order_key
where o.discount_net <> coalesce(splits.discount_net, 0)
    or coalesce(lines.discount_net, 0) <> coalesce(splits.of_lines, 0)
