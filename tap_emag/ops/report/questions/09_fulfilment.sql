-- Orders that eMAG sends from its own stock (FBE) against those that the seller sends
SELECT account_key, currency, fulfilled_by, count(*) AS orders, round(sum(revenue_net), 2) AS revenue_net,
    round(sum(revenue_net) / nullif(count(*) FILTER (WHERE NOT is_cancelled), 0), 2) AS order_net,
    round(100.0 * count(*) FILTER (WHERE is_cancelled) / count(*), 1) AS cancelled_percent,
    round(100.0 * sum(returned_pieces) FILTER (WHERE NOT is_cancelled)
        / nullif(sum(ordered_pieces) FILTER (WHERE NOT is_cancelled), 0), 1) AS returned_percent,
    round(100.0 * count(*) FILTER (WHERE is_late) / count(*), 1) AS late_percent
FROM fct_orders
GROUP BY account_key, currency, fulfilled_by ORDER BY account_key, currency, fulfilled_by
