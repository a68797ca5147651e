-- Offers that could be sold and do not have the buy button now, and when they lost it
WITH lost AS (
    SELECT offer_key, max(local_date) AS lost_on FROM fct_buy_button_changes WHERE change = 'lost' GROUP BY offer_key
)
SELECT offer.account_key, offer.currency, offer.product_id, offer.name AS product, lost.lost_on,
    offer.buy_button_rank AS rank, offer.number_of_offers, offer.price_net, offer.stock
FROM dim_offers AS offer LEFT JOIN lost USING (offer_key)
WHERE offer.is_sellable AND offer.buy_button_rank > 1
ORDER BY lost.lost_on DESC NULLS LAST, offer.buy_button_rank, offer.account_key, offer.product_id
