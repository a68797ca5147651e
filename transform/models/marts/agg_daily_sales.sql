{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook='{{ delete_all() }}'
) }}

-- Orders without a date have a row of their own, with no local_date. Where an amount of one order is
-- unknown, so is the sum: it would be too small.
select
    account_key,
    marketplace,
    account_type,
    local_date,
    currency,
    count(*) as orders,
    count(*) filter (where is_cancelled) as cancelled_orders,
    sum(sold_pieces) as sold_pieces,
    sum(returned_pieces) filter (where not is_cancelled) as returned_pieces,
    round(sum(revenue_net), 2) as revenue_net,
    {{ known_sum('revenue_vat') }} as revenue_vat,
    {{ known_sum('revenue_gross') }} as revenue_gross,
    round(sum(discount_net) filter (where not is_cancelled), 2) as discount_net,
    round(sum(seller_discount_net) filter (where not is_cancelled), 2) as seller_discount_net,
    round(sum(emag_discount_net) filter (where not is_cancelled), 2) as emag_discount_net,
    round(sum(shipping_gross) filter (where not is_cancelled), 2) as shipping_gross,
    {{ known_sum('revenue_net_eur') }} as revenue_net_eur,
    {{ known_sum('revenue_gross_eur') }} as revenue_gross_eur
from {{ ref('fct_orders') }} as o
group by account_key, marketplace, account_type, local_date, currency
