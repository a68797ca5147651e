-- How many days the stock lasts at the pace of the last 30 days, and days without stock in them
WITH sold AS (SELECT offer_key, sum(sold_pieces) AS pieces FROM fct_order_lines
    WHERE (SELECT max(local_date) FROM fct_orders) - local_date < 30 GROUP BY offer_key),
stock AS (SELECT offer_key, count(*) AS days FROM fct_stock_days WHERE was_out_of_stock
    AND (SELECT max(local_date) FROM fct_orders) - local_date BETWEEN 0 AND 29 GROUP BY offer_key)
SELECT offer.account_key, offer.product_id, offer.name AS product, offer.stock, coalesce(sold.pieces, 0) AS sold_30_days,
    round(offer.stock * 30 / nullif(sold.pieces, 0)) AS days_of_stock, coalesce(stock.days, 0) AS days_out_of_stock
FROM dim_offers AS offer LEFT JOIN sold USING (offer_key) LEFT JOIN stock USING (offer_key)
WHERE offer.gone_at IS NULL AND (sold.pieces > 0 OR stock.days > 0)
ORDER BY days_of_stock, sold_30_days DESC, offer.account_key, offer.product_id
