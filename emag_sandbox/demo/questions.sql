-- What an analyst might ask. Each query begins with its title; the demo prints its result.

-- title: Sales of the last seven days, net of VAT
SELECT local_day AS day, orders, cancelled, pieces, revenue_net
FROM daily_sales
WHERE local_day > (SELECT max(local_day) FROM daily_sales) - 7
ORDER BY local_day;

-- title: Best-selling offers of the last 14 days, and how long their stock lasts at that pace
WITH sold AS (
  SELECT
    line.product_id,
    sum(line.quantity) AS pieces,
    sum(line.quantity * line.sale_price)::numeric(20, 2) AS revenue_net
  FROM current_order_lines AS line
  JOIN current_orders AS o
    ON  o.marketplace = line.marketplace
    AND o.account_type = line.account_type
    AND o.type = line.order_type
    AND o.id = line.order_id
  WHERE o.status <> 0
    AND line.status = 1
    AND o.date > (SELECT max(date) FROM orders) - interval '14 days'
  GROUP BY line.product_id
)
SELECT
  left(offer.name, 44) AS offer,
  sold.pieces,
  sold.revenue_net,
  offer.general_stock AS stock,
  round(offer.general_stock * 14.0 / nullif(sold.pieces, 0)) AS days_left
FROM sold
JOIN current_offers AS offer ON offer.id = sold.product_id
ORDER BY sold.revenue_net DESC
LIMIT 5;

-- title: Offers that changed between the two runs
WITH versions AS (
  SELECT
    id,
    changed_at,
    sale_price,
    general_stock,
    lag(sale_price) OVER of_offer AS price_before,
    lag(general_stock) OVER of_offer AS stock_before,
    row_number() OVER of_offer AS version
  FROM product_history
  WINDOW of_offer AS (PARTITION BY marketplace, account_type, id ORDER BY changed_at)
)
SELECT
  versions.id::text,
  left(offer.name, 32) AS offer,
  round(versions.price_before, 2) AS price_before,
  round(versions.sale_price, 2) AS price,
  versions.stock_before,
  versions.general_stock AS stock
FROM versions
JOIN current_offers AS offer ON offer.id = versions.id
WHERE versions.version > 1
ORDER BY versions.changed_at DESC, versions.id
LIMIT 6;
