-- Cost of vouchers by month and by who pays for them
SELECT account_key, currency, date_trunc('month', local_date)::date AS month_start, sponsor,
    count(DISTINCT order_key) AS orders, -round(sum(discount_net), 2) AS voucher_net
FROM fct_voucher_splits
WHERE NOT is_cancelled
GROUP BY account_key, currency, month_start, sponsor
ORDER BY month_start DESC NULLS LAST, account_key, currency, sponsor
