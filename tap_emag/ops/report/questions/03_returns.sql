-- Return rate by product and reason
WITH sold AS (
    SELECT offer_key, sum(ordered_pieces) AS ordered_pieces FROM fct_order_lines WHERE is_sold GROUP BY offer_key
)
SELECT line.account_key, line.product_id, max(line.product_name) FILTER (WHERE line.product_id IS NOT NULL) AS product, line.reason_1 AS reason,
    sum(line.pieces) AS returned_pieces, max(sold.ordered_pieces) AS ordered_pieces,
    round(100 * sum(line.pieces) / nullif(max(sold.ordered_pieces), 0), 1) AS returned_percent
FROM fct_return_lines AS line LEFT JOIN sold ON sold.offer_key = line.offer_key
WHERE coalesce(line.status, 0) NOT IN (4, 5)  -- neither refused nor cancelled
GROUP BY line.account_key, line.product_id, line.reason_1 ORDER BY returned_pieces DESC NULLS LAST, account_key, product_id, reason
