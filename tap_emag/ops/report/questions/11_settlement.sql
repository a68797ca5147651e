-- eMAG's invoices against finalized orders by month, with the commission that these lead to expect
WITH expected AS (
    SELECT o.account_key, o.currency, date_trunc('month', o.finalized_date)::date AS month_start,
        sum(line.revenue_net * offer.commission_percent / 100) AS commission_net
    FROM fct_order_lines AS line JOIN fct_orders AS o USING (order_key) JOIN dim_offers AS offer USING (offer_key)
    GROUP BY 1, 2, 3)
SELECT month.account_key, month.currency, month.month_start, month.finalized_orders, month.revenue_net, month.commission_net,
    round(expected.commission_net, 2) AS expected_commission_net, month.transport_net, month.revenue_less_costs_net
FROM agg_monthly_settlement AS month LEFT JOIN expected USING (account_key, currency, month_start)
ORDER BY month_start DESC, account_key, currency
