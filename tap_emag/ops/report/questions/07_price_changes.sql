-- Buy buttons that were won and lost in the last 90 days, and the offer's own price before and after
SELECT change.account_key, change.currency, change.local_date, change.product_id, offer.name AS product,
    change.change, change.own_price, change.price_net_before, change.price_net_after, change.rank_before, change.rank_after
FROM fct_buy_button_changes AS change LEFT JOIN dim_offers AS offer USING (offer_key)
WHERE change.local_date > (SELECT max(local_date) - 90 FROM fct_buy_button_changes)
ORDER BY change.local_date DESC, change.account_key, change.product_id, change.changed_at DESC
