-- Orders that should have been shipped by now, and are not
SELECT orders.account_key, orders.currency, orders.order_id, orders.fulfilled_by, orders.status_label AS status,
    (orders.ship_by AT TIME ZONE coalesce(account.timezone, 'UTC'))::date AS ship_by, round(orders.due_gross, 2) AS due_gross
FROM fct_orders AS orders JOIN dim_accounts AS account ON account.account_key = orders.account_key
WHERE orders.status IN (1, 2, 3) AND orders.ship_by < now()  -- new, in progress or prepared
ORDER BY orders.ship_by, orders.order_key
