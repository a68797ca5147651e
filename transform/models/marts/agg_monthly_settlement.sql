{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook='{{ delete_all() }}'
) }}

-- What eMAG's invoices and the orders come to, by month, account and currency. Orders count in the
-- month in which they were finalized; eMAG charges commission for them then.
with orders as (
    select
        account_key,
        marketplace,
        account_type,
        date_trunc('month', finalized_date)::date as month_start,
        currency,
        count(*) as finalized_orders,
        sum(ordered_net) as ordered_net,
        sum(returned_net) as returned_net,
        sum(revenue_net) as revenue_net,
        sum(emag_discount_net) as emag_discount_net,
        sum(seller_discount_net) as seller_discount_net
    from {{ ref('fct_orders') }} as o
    where finalized_date is not null and not is_cancelled
    group by 1, 2, 3, 4, 5
),

invoices as (
    select
        account_key,
        marketplace,
        account_type,
        month_start,
        currency,
        sum(cost_net) filter (where kind = 'commission') as commission_net,
        sum(cost_net) filter (where kind = 'transport') as transport_net,
        sum(cost_net) filter (where kind = 'other') as other_costs_net,
        sum(cost_net) as emag_costs_net,
        sum(cost_vat) as emag_costs_vat,
        sum(net) filter (where issued_by = 'seller') as invoiced_to_customers_net,
        sum(gross) filter (where issued_by = 'seller') as invoiced_to_customers_gross
    from {{ ref('fct_invoices') }} as invoice
    where month_start is not null
    group by 1, 2, 3, 4, 5
)

select
    coalesce(orders.account_key, invoices.account_key) as account_key,
    coalesce(orders.marketplace, invoices.marketplace) as marketplace,
    coalesce(orders.account_type, invoices.account_type) as account_type,
    coalesce(orders.month_start, invoices.month_start) as month_start,
    coalesce(orders.currency, invoices.currency) as currency,
    coalesce(orders.finalized_orders, 0) as finalized_orders,
    {%- for amount in ['ordered_net', 'returned_net', 'revenue_net', 'emag_discount_net', 'seller_discount_net'] %}
    round(coalesce(orders.{{ amount }}, 0), 2) as {{ amount }},
    {%- endfor %}
    {%- for amount in ['commission_net', 'transport_net', 'other_costs_net', 'emag_costs_net', 'emag_costs_vat', 'invoiced_to_customers_net', 'invoiced_to_customers_gross'] %}
    round(coalesce(invoices.{{ amount }}, 0), 2) as {{ amount }},
    {%- endfor %}
    round(coalesce(orders.revenue_net, 0) - coalesce(invoices.emag_costs_net, 0), 2)
        as revenue_less_costs_net
from orders
full join invoices
    on invoices.account_key = orders.account_key
    and invoices.month_start = orders.month_start
    and invoices.currency = orders.currency
