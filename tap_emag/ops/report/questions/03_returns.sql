-- Return rate by product and reason
WITH sold AS (
    SELECT offer_key, sum(ordered_pieces) AS ordered_pieces FROM fct_order_lines WHERE is_sold GROUP BY offer_key
)
SELECT line.account_key, line.product_id, max(line.product_name) AS product, line.reason_1 AS reason,
    sum(line.pieces) AS returned_pieces, max(sold.ordered_pieces) AS ordered_pieces,
    round(100 * sum(line.pieces) / max(sold.ordered_pieces), 1) AS returned_percent
FROM fct_return_lines AS line LEFT JOIN sold ON sold.offer_key = line.offer_key
WHERE line.status NOT IN (4, 5)  -- neither refused nor cancelled
GROUP BY line.account_key, line.product_id, line.reason_1 ORDER BY returned_pieces DESC, account_key, product_id, reason
