-- Net and gross revenue by day, account and currency, over the last 90 days
SELECT account_key, currency, local_date, orders, cancelled_orders, revenue_net, revenue_gross
FROM agg_daily_sales
WHERE local_date IS NULL OR local_date > (SELECT max(local_date) - 90 FROM agg_daily_sales)
ORDER BY local_date DESC NULLS LAST, account_key, currency
