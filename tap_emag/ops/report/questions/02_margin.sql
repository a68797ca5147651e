-- What remains of the revenue after commission and the seller's own vouchers, by product
SELECT line.account_key, line.currency, line.product_id,
    max(line.product_name) FILTER (WHERE line.product_id IS NOT NULL) AS product,
    sum(line.sold_pieces) AS sold_pieces, round(sum(line.revenue_net), 2) AS revenue_net,
    round(sum(line.seller_discount_net), 2) AS seller_discount_net,
    round(sum(line.revenue_net * offer.commission_percent / 100), 2) AS commission_net,
    round(sum(line.revenue_net * (1 - offer.commission_percent / 100) + line.seller_discount_net), 2) AS margin_net
FROM fct_order_lines AS line LEFT JOIN dim_offers AS offer ON offer.offer_key = line.offer_key
WHERE line.is_sold GROUP BY line.account_key, line.currency, line.product_id
ORDER BY revenue_net DESC NULLS LAST, account_key, product_id
