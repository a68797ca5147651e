-- What an analyst might ask. Each query begins with its title; the demo prints its result.

-- title: Sales of the last seven days, net of VAT
SELECT local_date AS day, orders, cancelled_orders AS cancelled, sold_pieces AS pieces, revenue_net
FROM agg_daily_sales
WHERE local_date > (SELECT max(local_date) FROM agg_daily_sales) - 7
ORDER BY local_date;

-- title: Best-selling offers of the last 14 days, and how long their stock lasts at that pace
WITH sold AS (
  SELECT
    offer_key,
    sum(sold_pieces) AS pieces,
    sum(revenue_net)::numeric(20, 2) AS revenue_net
  FROM fct_order_lines
  WHERE local_date > (SELECT max(local_date) FROM fct_order_lines) - 14
  GROUP BY offer_key
)
SELECT
  left(offer.name, 44) AS offer,
  sold.pieces,
  sold.revenue_net,
  offer.stock,
  round(offer.stock * 14.0 / nullif(sold.pieces, 0)) AS days_left
FROM sold
JOIN dim_offers AS offer USING (offer_key)
WHERE offer.gone_at IS NULL
ORDER BY sold.revenue_net DESC
LIMIT 5;

-- title: Offers that changed between the two runs
WITH versions AS (
  SELECT
    offer_key,
    valid_from,
    price_net,
    stock,
    lag(price_net) OVER of_offer AS price_before,
    lag(stock) OVER of_offer AS stock_before,
    row_number() OVER of_offer AS version
  FROM dim_offers_history
  WINDOW of_offer AS (PARTITION BY offer_key ORDER BY valid_from)
)
SELECT
  offer.product_id::text AS id,
  left(offer.name, 32) AS offer,
  round(versions.price_before, 2) AS price_before,
  round(versions.price_net, 2) AS price,
  versions.stock_before,
  versions.stock
FROM versions
JOIN dim_offers AS offer USING (offer_key)
WHERE versions.version > 1 AND offer.gone_at IS NULL
ORDER BY versions.valid_from DESC, offer.product_id
LIMIT 6;
