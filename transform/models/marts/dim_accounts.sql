{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook='{{ delete_all() }}'
) }}

-- Every account of which anything was loaded.
with accounts as (
    select account_key, marketplace, account_type from {{ ref('agg_daily_sales') }} as t
    union
    select account_key, marketplace, account_type from {{ ref('dim_offers') }} as t
    union
    select account_key, marketplace, account_type from {{ ref('fct_returns') }} as t
    union
    select account_key, marketplace, account_type from {{ ref('fct_invoices') }} as t
),

orders as (
    select
        account_key,
        sum(orders)::bigint as orders,
        min(local_date) as first_order_date,
        max(local_date) as last_order_date
    from {{ ref('agg_daily_sales') }} as t
    group by account_key
)

select
    accounts.account_key,
    accounts.marketplace,
    accounts.account_type,
    place.country,
    place.timezone,
    (
        select o.vendor_name
        from {{ emag_table('orders') }} as o
        where o.marketplace = accounts.marketplace
            and o.account_type = accounts.account_type
            and o.vendor_name is not null
        limit 1
    ) as vendor_name,
    coalesce(orders.orders, 0) as orders,
    orders.first_order_date,
    orders.last_order_date
from accounts
left join {{ ref('marketplaces') }} as place on place.marketplace = accounts.marketplace
left join orders on orders.account_key = accounts.account_key
