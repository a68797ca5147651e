-- Orders of new and of returning customers by month
SELECT orders.account_key, orders.currency, date_trunc('month', orders.local_date)::date AS month_start,
    CASE WHEN orders.ordered_at > customer.first_ordered_at THEN 'returning' ELSE 'new' END AS customers,
    count(*) AS orders, round(sum(orders.revenue_net), 2) AS revenue_net
FROM fct_orders AS orders JOIN dim_customers AS customer ON customer.customer_key = orders.customer_key
WHERE NOT orders.is_cancelled AND orders.local_date IS NOT NULL
GROUP BY 1, 2, 3, 4
ORDER BY month_start DESC, account_key, currency, customers
