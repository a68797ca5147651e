-- What is true now, as views over the loaded tables. Run again whenever you like:
--
--   psql "$DATABASE_URL" -f transform/views.sql
--
-- The loader adds and updates rows and never deletes one. A line, voucher or attachment that has left
-- its order therefore stays in its table, but only current rows carry the `modified` that their order
-- has now. In the same way an offer that is gone stays in `products`, and `product_deletions` tells
-- when it went. An order that changed its type stays in `orders` under the type it had.

SET search_path TO emag;

-- Views over times without a zone, as the loader creates them by itself, would shift these.
DO $$
BEGIN
  IF EXISTS (
    SELECT FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = 'orders' AND column_name = 'date'
      AND data_type = 'timestamp without time zone'
  ) THEN
    RAISE EXCEPTION 'run `meltano invoke emag-ops prepare-tables` first: times have no zone yet';
  END IF;
END
$$;

-- Dropped first: a view cannot take up a column that its table has gained.
DROP VIEW IF EXISTS
  daily_sales, orders_by_local_day, current_offers, current_order_attachments,
  current_order_voucher_splits, current_order_vouchers, current_order_lines, current_orders;

-- Of an order that is there with both types, the row that changed last. With equal times the row that
-- was read last counts, if the loader adds its columns. An order of the same id that was placed at
-- another time is another order.
CREATE VIEW current_orders AS
SELECT o.*
FROM orders AS o
WHERE NOT EXISTS (
  SELECT
  FROM orders AS other
  WHERE other.marketplace = o.marketplace
    AND other.account_type = o.account_type
    AND other.type = CASE o.type WHEN 2 THEN 3 WHEN 3 THEN 2 END
    AND other.id = o.id
    AND other.date IS NOT DISTINCT FROM o.date
    AND (
      coalesce(other.modified, '-infinity'),
      coalesce((to_jsonb(other) ->> '_sdc_batched_at')::timestamptz, '-infinity')
    ) > (
      coalesce(o.modified, '-infinity'),
      coalesce((to_jsonb(o) ->> '_sdc_batched_at')::timestamptz, '-infinity')
    )
);

-- CASE hides the comparison from Postgres' estimates: nearly all rows have the `modified` of their
-- order, but as one more column to join on it would make Postgres expect one row of 40,000, and choose
-- a plan that takes minutes.
CREATE VIEW current_order_lines AS
SELECT line.*
FROM order_lines AS line
JOIN current_orders AS o
  ON  o.marketplace = line.marketplace
  AND o.account_type = line.account_type
  AND o.type = line.order_type
  AND o.id = line.order_id
  AND CASE WHEN o.modified IS NOT DISTINCT FROM line.order_modified THEN true END;

CREATE VIEW current_order_vouchers AS
SELECT voucher.*
FROM order_vouchers AS voucher
JOIN current_orders AS o
  ON  o.marketplace = voucher.marketplace
  AND o.account_type = voucher.account_type
  AND o.type = voucher.order_type
  AND o.id = voucher.order_id
  AND CASE WHEN o.modified IS NOT DISTINCT FROM voucher.order_modified THEN true END;

CREATE VIEW current_order_voucher_splits AS
SELECT split.*
FROM order_voucher_splits AS split
JOIN current_orders AS o
  ON  o.marketplace = split.marketplace
  AND o.account_type = split.account_type
  AND o.type = split.order_type
  AND o.id = split.order_id
  AND CASE WHEN o.modified IS NOT DISTINCT FROM split.order_modified THEN true END;

CREATE VIEW current_order_attachments AS
SELECT attachment.*
FROM order_attachments AS attachment
JOIN current_orders AS o
  ON  o.marketplace = attachment.marketplace
  AND o.account_type = attachment.account_type
  AND o.type = attachment.order_type
  AND o.id = attachment.order_id
  AND CASE WHEN o.modified IS NOT DISTINCT FROM attachment.order_modified THEN true END;

CREATE VIEW current_offers AS
SELECT offer.*
FROM products AS offer
WHERE NOT EXISTS (
  SELECT
  FROM product_deletions AS gone
  WHERE gone.marketplace = offer.marketplace
    AND gone.account_type = offer.account_type
    AND gone.id = offer.id
    AND gone.changed_at > offer.changed_at
);

-- Orders with the calendar day on which their marketplace counts them. Times are stored in UTC; an
-- order of 00:30 in Bucharest belongs to that day and not to the one before.
CREATE VIEW orders_by_local_day AS
SELECT
  o.*,
  (
    o.date AT TIME ZONE CASE o.marketplace
      WHEN 'emag_hu' THEN 'Europe/Budapest'
      WHEN 'emag_bg' THEN 'Europe/Sofia'
      WHEN 'fashiondays_bg' THEN 'Europe/Sofia'
      ELSE 'Europe/Bucharest'
    END
  )::date AS local_day
FROM current_orders AS o;

-- Net of VAT and before vouchers; an order that was cancelled (0) sells nothing. The quantity of a line
-- is what is left after returns.
CREATE VIEW daily_sales AS
SELECT
  o.marketplace,
  o.account_type,
  o.local_day,
  count(DISTINCT (o.type, o.id)) AS orders,
  count(DISTINCT (o.type, o.id)) FILTER (WHERE o.status = 0) AS cancelled,
  coalesce(sum(line.quantity) FILTER (WHERE o.status <> 0 AND line.status = 1), 0) AS pieces,
  coalesce(
    sum(line.quantity * line.sale_price) FILTER (WHERE o.status <> 0 AND line.status = 1), 0
  )::numeric(20, 2) AS revenue_net
FROM orders_by_local_day AS o
LEFT JOIN current_order_lines AS line
  ON  line.marketplace = o.marketplace
  AND line.account_type = o.account_type
  AND line.order_type = o.type
  AND line.order_id = o.id
WHERE o.local_day IS NOT NULL
GROUP BY o.marketplace, o.account_type, o.local_day;

-- Autovacuum collects statistics some minutes after the first load; without them a query of the first
-- minutes can take a minute itself. A role that may not do so gets a warning.
ANALYZE
  orders, order_lines, order_vouchers, order_voucher_splits, order_attachments, products,
  product_deletions;
