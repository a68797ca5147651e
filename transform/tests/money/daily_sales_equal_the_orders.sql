-- To the cent, for each account, currency and day; and no order is left out.
with orders as (
    select
        account_key,
        currency,
        local_date,
        count(*) as orders,
        round(sum(revenue_net), 2) as revenue_net,
        {{ known_sum('revenue_gross') }} as revenue_gross
    from {{ ref('fct_orders') }}
    group by account_key, currency, local_date
)

select account_key, currency, local_date, orders, revenue_net, revenue_gross from orders
except
select account_key, currency, local_date, orders, revenue_net, revenue_gross
from {{ ref('agg_daily_sales') }}
union all
select account_key, null, null, sum(orders), null, null
from {{ ref('agg_daily_sales') }} as day
group by account_key
having sum(orders) <> (
    select count(*) from {{ ref('fct_orders') }} as o where o.account_key = day.account_key
)
