{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook='{{ delete_all() }}'
) }}

-- Orders without a date have a row of their own, with no local_date.
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
    round(sum(revenue_vat), 2) as revenue_vat,
    round(sum(revenue_gross), 2) as revenue_gross,
    round(sum(discount_net) filter (where not is_cancelled), 2) as discount_net,
    round(sum(seller_discount_net) filter (where not is_cancelled), 2) as seller_discount_net,
    round(sum(emag_discount_net) filter (where not is_cancelled), 2) as emag_discount_net,
    round(sum(shipping_gross) filter (where not is_cancelled), 2) as shipping_gross,
    round(sum(revenue_net_eur), 2) as revenue_net_eur,
    round(sum(revenue_gross_eur), 2) as revenue_gross_eur
from {{ ref('fct_orders') }} as o
group by account_key, marketplace, account_type, local_date, currency
